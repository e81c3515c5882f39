;;; flow-mode.el --- flowlang in Emacs  -*- lexical-binding: t; -*-

;; Package-Requires: ((emacs "26.1"))

;;; Commentary:

;; Colours, comments and indentation for flows.  What a word is is told by the table of `flow-keywords',
;; which is made from the grammar; everything else comes from the language server, by eglot.

;;; Code:

(require 'flow-keywords)

(defvar flow-mode-syntax-table
  (let ((table (make-syntax-table)))
    (modify-syntax-entry ?/ ". 12" table)
    (modify-syntax-entry ?\n ">" table)
    (modify-syntax-entry ?_ "_" table)
    (modify-syntax-entry ?' "\"" table)
    (modify-syntax-entry ?$ "." table)
    (dolist (sign '(?+ ?* ?< ?> ?= ?% ?| ?& ?-))
      (modify-syntax-entry sign "." table))
    table)
  "The syntax of flows.")

(defconst flow--faces
  '((constant . font-lock-constant-face) (operator . font-lock-keyword-face))
  "The faces of the roles that are not keywords like the others.")

(defconst flow--word (concat "\\_<" (regexp-opt (mapcar #'car flow-keywords) t) "\\_>"))
(defconst flow--name "\\([A-Za-z_][A-Za-z0-9_]*\\)")

(defun flow--keyword-p (word start)
  "Whether WORD, which begins at START and ends at point, is a keyword there."
  (pcase-let ((`(,_ ,_ ,behind ,ahead ,unless) (assoc word flow-keywords)))
    (not (or (eq (char-before start) ?.)
             (looking-at-p "[ \t]*:")
             (cond
              (behind (save-excursion
                        (goto-char start)
                        (not (looking-back (concat (regexp-opt behind 'symbols) "[ \t]+")
                                           (line-beginning-position)))))
              (ahead (or (not (looking-at-p ahead))
                         (and (looking-at (concat "[ \t]+" flow--name))
                              (member (match-string 1) unless)))))))))

(defun flow--find-keyword (limit)
  "Move to behind the next keyword before LIMIT."
  (let (found)
    (while (and (not found) (re-search-forward flow--word limit t))
      (setq found (save-match-data
                    (and (not (nth 8 (save-excursion (syntax-ppss (match-beginning 0)))))
                         (flow--keyword-p (match-string 1) (match-beginning 0))))))
    found))

(defun flow--face ()
  "The face of the keyword that was found."
  (or (cdr (assq (nth 1 (assoc (match-string 1) flow-keywords)) flow--faces))
      'font-lock-keyword-face))

(defconst flow--named
  '(("flow\\|agent\\|ask\\|run" . font-lock-function-name-face)
    ("type\\|error\\|event" . font-lock-type-face)
    ("step\\|let\\|each\\|from" . font-lock-variable-name-face)
    ("effect" . font-lock-constant-face))
  "The faces of the names that follow these words.")

(defconst flow--colours
  `((flow--find-keyword 1 (flow--face))
    ,@(mapcar (lambda (named)
                `(,(concat "\\_<\\(?:" (car named) "\\)[ \t]+" flow--name "\\_>") 1 ,(cdr named)))
              flow--named)
    (,(concat "\\(?::\\|->\\|<\\|,\\)[ \t]*" (regexp-opt flow-types t) "\\_>[^.(]") 1 font-lock-type-face)
    (,(concat "\\_<" (regexp-opt '("list" "map" "secret") t) "<") 1 font-lock-type-face)
    ("\\_<[A-Z][A-Za-z0-9_]*\\_>" . font-lock-type-face)
    ("\\(\\${\\)[^}\n]*\\(}\\)" (1 font-lock-preprocessor-face t) (2 font-lock-preprocessor-face t)))
  "What `font-lock-keywords' is for flows.")

;; A block begins and ends with three quotes, of which only the outermost count.
(defconst flow--propertize
  (syntax-propertize-rules
   ("\"\"\"" (0 (ignore (flow--mark-block)))))
  "What gives block strings their syntax.")

(defun flow--mark-block ()
  "Let three quotes begin or end a string, if they stand where they can."
  (let* ((start (match-beginning 0))
         (state (save-excursion (syntax-ppss start)))
         (fence (string-to-syntax "|")))
    (cond
     ((not (nth 8 state)) (put-text-property start (1+ start) 'syntax-table fence))
     ((eq (nth 3 state) t) (put-text-property (+ 2 start) (+ 3 start) 'syntax-table fence)))))

(defun flow-indent-line ()
  "Indent by two blanks for each bracket that is open."
  (interactive)
  (let* ((start (save-excursion (back-to-indentation) (point)))
         (depth (save-excursion (car (syntax-ppss start))))
         (closing (save-excursion (goto-char start) (looking-at-p "[])}]"))))
    (unless (nth 8 (save-excursion (syntax-ppss (line-beginning-position))))
      (save-excursion (indent-line-to (* 2 (max 0 (if closing (1- depth) depth)))))
      (when (< (current-column) (current-indentation)) (back-to-indentation)))))

;;;###autoload
(define-derived-mode flow-mode prog-mode "flow"
  "A mode for flows."
  (setq-local comment-start "// ")
  (setq-local comment-start-skip "///?[ \t]*")
  (setq-local indent-tabs-mode nil)
  (setq-local tab-width 2)
  (setq-local indent-line-function #'flow-indent-line)
  (setq-local syntax-propertize-function flow--propertize)
  (setq-local font-lock-defaults '(flow--colours)))

;;;###autoload
(add-to-list 'auto-mode-alist '("\\.flow\\'" . flow-mode))

(with-eval-after-load 'eglot
  (defvar eglot-server-programs)
  (add-to-list 'eglot-server-programs '(flow-mode . ("flow" "lsp"))))

(provide 'flow-mode)
;;; flow-mode.el ends here
