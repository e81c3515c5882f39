" The language server in Vim with ALE: vim -Nnu NONE --not-a-term -S tests/editors/ale.vim </dev/null
"
" Takes the lines for Vim from grammar/editors/README.md as they stand, opens a file with a mistake, reads what
" ALE shows, mends it, goes to a definition and back to its mentions. Writes a line for each to the file that $REPORT names, and leaves with 1
" where one did not work. `flow` must be on the path.

set nomore
packadd ale
filetype plugin on

let s:lines = readfile(expand('<sfile>:p:h:h:h') . '/grammar/editors/README.md')
let s:first = index(s:lines, '```vim') + 1
let s:settings = tempname()
call writefile(s:lines[s:first : index(s:lines, '```', s:first) - 1], s:settings)
execute 'source' s:settings

let s:report = []
let s:failed = 0

function! s:Check(what, found) abort
  let s:failed = s:failed || !a:found
  call add(s:report, (a:found ? 'ok   ' : 'FAIL ') . a:what)
endfunction

" Wait until an expression is true.
function! s:Until(expression) abort
  for l:turn in range(400)
    if eval(a:expression)
      return 1
    endif
    sleep 50m
  endfor
  return 0
endfunction

function! Mistakes() abort
  return join(map(copy(ale#engine#GetLoclist(bufnr(''))), 'v:val.text'), "\n")
endfunction

let s:folder = tempname()
call mkdir(s:folder)
call writefile([
\ 'agent search(query: string) -> list<string> effect read',
\ '',
\ 'flow main(topic: string) -> int {',
\ '  step found = serch(query: topic)',
\ '  return found.size()',
\ '}',
\], s:folder . '/main.flow')

try
  execute 'edit' s:folder . '/main.flow'
  call s:Check('the file type is ours', &filetype ==# 'flow')
  call s:Check('a mistake shows', s:Until('Mistakes() =~# "serch"'))
  call setline(4, '  step found = search(query: topic)')
  write
  call s:Check('it goes when it is mended', s:Until('Mistakes() !~# "serch"'))
  call cursor(4, 18)
  ALEGoToDefinition
  call s:Check('a call leads to its agent', s:Until('line(".") == 1'))
  ALEFindReferences -quickfix
  call s:Check('and the agent to its calls', s:Until('len(getqflist())'))
catch
  call s:Check(v:exception . ' at ' . v:throwpoint, 0)
endtry
call writefile(s:report, empty($REPORT) ? '/dev/stdout' : $REPORT)
execute s:failed ? 'cquit!' : 'qall!'
