;;; The language server in Emacs: emacs --batch -l tests/editors/emacs.el -*- lexical-binding: t; -*-

;; Takes the lines for Emacs from grammar/editors/README.md as they stand, opens a file, and does with it what
;; somebody does: reads mistakes, hovers, completes, renames, formats, mends. Prints a line for each, and
;; leaves with 1 where one did not work. `flow` must be on the path, and eglot installed.

;;; Code:

(require 'cl-lib)
(require 'package)
(package-initialize)
(require 'eglot)
(require 'flymake)

(defconst here (file-name-directory load-file-name))
(defconst patience-seconds 20)
(defvar failures 0)

(defun lines-for-emacs ()
  "The elisp block of the README."
  (with-temp-buffer
    (insert-file-contents (expand-file-name "../../grammar/editors/README.md" here))
    (search-forward "```elisp\n")
    (let ((start (point)))
      (search-forward "```")
      (buffer-substring start (match-beginning 0)))))

(defmacro until (&rest body)
  "Wait until BODY gives something."
  `(let ((deadline (+ (float-time) patience-seconds)) found)
     (while (and (not (setq found (progn ,@body))) (< (float-time) deadline))
       (accept-process-output nil 0.05))
     found))

(defmacro check (what &rest body)
  "Say whether BODY gives something, and what."
  `(let ((found (condition-case problem (progn ,@body) (error (message "%S" problem) nil))))
     (unless found (cl-incf failures))
     (message "%s %s%s" (if found "ok  " "FAIL") ,what (if (stringp found) (concat ": " found) ""))))

(defun mistakes ()
  "The messages that flymake shows."
  (mapcar #'flymake-diagnostic-text (flymake-diagnostics)))

(defun mistakes-about (word)
  "Those of them that say WORD."
  (car (cl-remove-if-not (lambda (text) (string-match-p word text)) (mistakes))))

(defun go-to (text)
  "Move to the first place of TEXT."
  (goto-char (point-min))
  (search-forward text)
  (goto-char (match-beginning 0)))

(defun change (from to)
  "Write TO for FROM, and tell the server."
  (go-to from)
  (delete-char (length from))
  (insert to)
  (eglot--signal-textDocument/didChange)
  (flymake-start))

(add-to-list 'load-path (expand-file-name "../../grammar/editors/emacs" here))
(eval (car (read-from-string (format "(progn %s)" (lines-for-emacs)))))

(defun face-of (text)
  "The face of the first place of TEXT."
  (save-excursion (go-to text) (get-text-property (point) 'face)))

(let* ((folder (make-temp-file "flow" t))
       (file (expand-file-name "main.flow" folder)))
  (with-temp-file file
    (insert "/// Finds pages about a topic.
agent search(query: string) -> list<string> effect read

flow main(topic: string) -> int {
  step found = search(query: topic)
  return found.size()
}
"))
  (find-file file)
  (check "the mode is ours" (eq major-mode 'flow-mode))
  (font-lock-ensure)
  (check "keywords have colours"
         (and (eq (face-of "agent") 'font-lock-keyword-face) (eq (face-of "return") 'font-lock-keyword-face)))
  (check "names have others"
         (and (eq (face-of "main") 'font-lock-function-name-face) (not (face-of "query: topic"))))
  (go-to "step found")
  (indent-line-to 7)
  (funcall indent-line-function)
  (check "a line is indented by its brackets" (= (current-indentation) 2))
  (apply #'eglot--connect (eglot--guess-contact))
  (check "the server is there" (until (eglot-current-server)))
  (eglot--maybe-activate-editing-mode)
  (flymake-start)
  (check "a sound file has no mistakes" (until (not (mistakes))))
  (change "search(query: topic)" "serch(query: topic)")
  (check "a mistake shows" (until (mistakes-about "serch")))
  (go-to "serch")
  (let ((fix (cl-find-if
              (lambda (action) (string-match-p "`search`" (plist-get action :title)))
              (append (jsonrpc-request (eglot--current-server-or-lose) :textDocument/codeAction
                                       (list :textDocument (eglot--TextDocumentIdentifier)
                                             :range (list :start (eglot--pos-to-lsp-position)
                                                          :end (eglot--pos-to-lsp-position (+ 5 (point))))
                                             :context (list :diagnostics [])))
                      nil))))
    (check "a quick fix is offered" (plist-get fix :title))
    (when fix (eglot--apply-workspace-edit (plist-get fix :edit)))
    (check "and mends it" (save-excursion (go-to "= search(query: topic)") t)))
  (eglot--signal-textDocument/didChange)
  (flymake-start)
  (check "the mistake goes" (until (not (mistakes-about "serch"))))
  (go-to "search(query: topic)")
  (check "hover shows the documentation"
         (let ((shown (eglot--hover-info
                       (plist-get (jsonrpc-request (eglot--current-server-or-lose) :textDocument/hover
                                                   (eglot--TextDocumentPositionParams))
                                  :contents))))
           (and (string-match-p "Finds pages" shown) (car (split-string shown "\n")))))
  (go-to "  return found.size()")
  (insert "  step more = sea\n")
  (eglot--signal-textDocument/didChange)
  (go-to "sea\n")
  (goto-char (+ 3 (point)))
  (check "completion offers the agent"
         (let* ((capf (eglot-completion-at-point))
                (words (all-completions "sea" (nth 2 capf))))
           (car (member "search" (mapcar #'substring-no-properties words)))))
  (go-to "  step more = sea\n")
  (delete-region (point) (line-beginning-position 2))
  (eglot--signal-textDocument/didChange)
  (go-to "search(query: topic)")
  (eglot-rename "look_up")
  (check "rename changes every mention"
         (and (save-excursion (go-to "agent look_up(")) (save-excursion (go-to "= look_up(query"))))
  (change "step found = " "step    found   =")
  (eglot-format-buffer)
  (check "formatting lays it out" (save-excursion (go-to "\n  step found = look_up(")))
  (set-buffer-modified-p nil)
  (eglot-shutdown (eglot-current-server))
  (delete-directory folder t))

(kill-emacs (if (zerop failures) 0 1))
;;; emacs.el ends here
