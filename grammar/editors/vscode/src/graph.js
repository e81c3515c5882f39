// The panel with the picture of the flow under the cursor, as the server draws it (`flow/graph`).
//
// It follows the cursor and the text. While the text has mistakes the server gives the last good picture,
// which is shown pale. A click on a node goes to its text.

const vscode = require("vscode");

const DELAY_MS = 200;

class GraphPanel {
  constructor(getClient) {
    this.getClient = getClient;
    this.listeners = [];
  }

  show() {
    const editor = vscode.window.activeTextEditor;
    if (!this.panel) this.open();
    else this.panel.reveal(undefined, true);
    this.follow(editor);
  }

  open() {
    const place = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    this.panel = vscode.window.createWebviewPanel("flow.graph", "Graph", place, { enableScripts: true });
    this.panel.webview.html = page(nonce());
    this.listeners = [
      this.panel.webview.onDidReceiveMessage(({ line }) => this.goTo(line)),
      this.panel.onDidDispose(() => this.closed()),
      vscode.window.onDidChangeActiveTextEditor((editor) => this.follow(editor)),
      vscode.window.onDidChangeTextEditorSelection((event) => this.follow(event.textEditor)),
      vscode.workspace.onDidChangeTextDocument((event) => this.changed(event.document)),
    ];
  }

  changed(document) {
    if (document === this.editor?.document) this.follow(this.editor);
  }

  follow(editor) {
    if (editor?.document.languageId !== "flow") return;
    this.editor = editor;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.draw(), DELAY_MS);
  }

  async draw() {
    const { document, selection } = this.editor;
    const client = this.getClient();
    if (!client?.isRunning()) return;
    const params = {
      textDocument: { uri: document.uri.toString() },
      position: { line: selection.active.line, character: selection.active.character },
    };
    let picture;
    try {
      picture = await client.sendRequest("flow/graph", params);
    } catch {
      return; // the text has changed meanwhile, and another request is on its way
    }
    if (!this.panel) return;
    this.picture = picture;
    this.panel.title = picture ? `Graph: ${picture.flow}` : "Graph";
    this.panel.webview.postMessage({ svg: picture?.svg ?? "", current: picture?.current ?? true });
  }

  goTo(line) {
    const node = this.picture?.nodes.find((found) => found.range?.start.line === line - 1);
    if (!node) return;
    const { start, end } = node.range;
    const selection = new vscode.Range(start.line, start.character, end.line, end.character);
    vscode.window.showTextDocument(vscode.Uri.parse(node.uri), { viewColumn: this.editor.viewColumn, selection });
  }

  closed() {
    for (const listener of this.listeners) listener.dispose();
    clearTimeout(this.timer);
    this.listeners = [];
    this.panel = undefined;
  }

  dispose() {
    this.panel?.dispose();
  }
}

function nonce() {
  return Array.from({ length: 32 }, () => Math.floor(Math.random() * 36).toString(36)).join("");
}

// The SVG has no script and says of each node, in its title, the file and the line that it stands for.
function page(once) {
  return `<!DOCTYPE html>
<html>
<head>
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-${once}'">
<style>
  body { padding: 8px }
  #picture svg { max-width: 100%; height: auto }
  #picture.old { opacity: .45 }
  #picture:empty::before { content: "Nothing to show yet: the file has mistakes, or no flow." }
  g { cursor: pointer }
</style>
</head>
<body>
<div id="picture"></div>
<script nonce="${once}">
  const host = acquireVsCodeApi();
  const picture = document.getElementById("picture");
  window.addEventListener("message", ({ data }) => {
    picture.innerHTML = data.svg;
    picture.className = data.current ? "" : "old";
  });
  picture.addEventListener("click", (event) => {
    const title = event.target.closest("g")?.querySelector("title")?.textContent ?? "";
    const line = /:(\\d+)$/.exec(title.trim())?.[1];
    if (line) host.postMessage({ line: Number(line) });
  });
</script>
</body>
</html>`;
}

module.exports = { GraphPanel };
