-- The language server of flowlang, for Neovim 0.11: `vim.lsp.enable('flow')`.

-- Runs a flow or a test in a terminal below; the argument of the command says which.
local function in_terminal(arguments)
  vim.cmd('botright 12split | enew')
  vim.fn.jobstart(arguments, { term = true })
end

return {
  cmd = { 'flow', 'lsp' },
  filetypes = { 'flow' },
  root_markers = { 'flow.toml', '.git' },
  init_options = { commands = { 'flow.run' } },
  commands = {
    ['flow.run'] = function(command)
      local about = command.arguments[1]
      in_terminal({ 'flow', 'run', about.path, about.name })
    end,
  },
}
