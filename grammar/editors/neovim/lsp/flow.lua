-- The language server of flowlang, for Neovim 0.11: `vim.lsp.enable('flow')`.

-- Runs a flow, or shows its last run, in a terminal below; the argument of the command says which.
local function in_terminal(arguments)
  vim.cmd('botright 12split | enew')
  vim.fn.jobstart(arguments, { term = true })
end

return {
  cmd = { 'flow', 'lsp' },
  filetypes = { 'flow' },
  root_markers = { 'flow.toml', '.git' },
  init_options = { commands = { 'flow.run', 'flow.show' }, lastRun = true },
  commands = {
    ['flow.run'] = function(command)
      local about = command.arguments[1]
      in_terminal({ 'flow', 'run', about.path, about.name })
    end,
    ['flow.show'] = function(command)
      in_terminal({ 'flow', 'show', command.arguments[1].name })
    end,
  },
}
