vim.bo.commentstring = '// %s'
vim.bo.comments = ':///,://'
vim.bo.shiftwidth = 2
vim.bo.expandtab = true
vim.opt_local.iskeyword = '@,48-57,_'

-- Colours and folds by tree-sitter, where the parser has been built; the server's colours lie above them.
if pcall(vim.treesitter.start) then
  vim.opt_local.foldexpr = 'v:lua.vim.treesitter.foldexpr()'
end

vim.b.undo_ftplugin = 'setl commentstring< comments< shiftwidth< expandtab< iskeyword< foldexpr<'
