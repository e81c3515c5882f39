// The extension: a client of `flow lsp`, commands for its lenses, a panel with the graph, `flow check` as a task.
//
// All that is known of the language comes from the server; nothing of it is said here a second time.

const { execFile } = require("node:child_process");
const vscode = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");
const { GraphPanel } = require("./graph");

let client;

exports.activate = async (context) => {
  const panel = new GraphPanel(() => client);
  context.subscriptions.push(
    panel,
    vscode.commands.registerCommand("flow.run", (about) => inTerminal(["run", about.path, about.name])),
    vscode.commands.registerCommand("flow.test", (about) => inTerminal(["test", about.path, "-k", about.name])),
    vscode.commands.registerCommand("flow.show", (about) => inTerminal(["show", about.name])),
    vscode.commands.registerCommand("flow.showGraph", () => panel.show()),
    vscode.commands.registerCommand("flow.restart", () => client?.restart()),
    vscode.tasks.registerTaskProvider("flow", { provideTasks: () => [checkTask()], resolveTask }),
    vscode.workspace.onDidChangeConfiguration(async (event) => {
      if (["flow.command", "flow.environment", "flow.lastRun"].some((name) => event.affectsConfiguration(name))) await start();
    }),
  );
  await start();
};

exports.deactivate = () => client?.stop();

async function start() {
  await client?.stop();
  client = new LanguageClient(
    "flow",
    "flow",
    { command: command(), args: ["lsp"], transport: TransportKind.stdio },
    {
      documentSelector: [{ language: "flow" }],
      initializationOptions: {
        commands: await lensCommands(),
        environment: setting("environment"),
        lastRun: setting("lastRun"),
      },
    },
  );
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    const chosen = await vscode.window.showErrorMessage(
      `The language server did not start: ${error?.message ?? error}. Install it with: pip install 'flowlang[lsp]'`,
      "Choose the command",
    );
    if (chosen) vscode.commands.executeCommand("workbench.action.openSettings", "flow.command");
  }
}

function command() {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "";
  return setting("command").replaceAll("${workspaceFolder}", folder);
}

function setting(name) {
  return vscode.workspace.getConfiguration("flow").get(name);
}

// The commands whose lenses the server shall show: those that the installed `flow` can carry out.
async function lensCommands() {
  return ["flow.run", "flow.show", ...((await hasCommand("test")) ? ["flow.test"] : [])];
}

function hasCommand(name) {
  return new Promise((resolve) => execFile(command(), [name, "--help"], (error) => resolve(!error)));
}

// What the commands that are carried out here find in their environment.
function surroundings() {
  return setting("environment") ? { FLOW_ENV: setting("environment") } : {};
}

function inTerminal(args) {
  const { FLOW_ENV } = surroundings();
  const name = FLOW_ENV ? `flow ${args[0]} (${FLOW_ENV})` : `flow ${args[0]}`;
  const options = { name, cwd: vscode.workspace.workspaceFolders?.[0]?.uri, env: surroundings() };
  const terminal = vscode.window.terminals.find((open) => open.name === options.name && open.exitStatus === undefined);
  const used = terminal ?? vscode.window.createTerminal(options);
  used.show(true);
  used.sendText([command(), ...args].map(quoted).join(" "));
}

function quoted(argument) {
  if (/^[\w@%+=:,./-]+$/.test(argument)) return argument;
  return process.platform === "win32" ? `"${argument.replaceAll('"', '""')}"` : `'${argument.replaceAll("'", "'\\''")}'`;
}

function checkTask(definition = { type: "flow", task: "check" }) {
  const execution = new vscode.ProcessExecution(command(), ["check"], { env: surroundings() });
  const task = new vscode.Task(definition, vscode.TaskScope.Workspace, "check", "flow", execution, "$flow");
  task.group = vscode.TaskGroup.Build;
  return task;
}

function resolveTask(task) {
  return task.definition.task === "check" ? checkTask(task.definition) : undefined;
}
