import assert from 'node:assert/strict';
import * as vscode from 'vscode';

interface Manifest {
  readonly contributes: {
    readonly commands: readonly { readonly command: string }[];
    readonly configuration: unknown;
    readonly languageModelTools: readonly { readonly name: string }[];
  };
}

function extension(): vscode.Extension<unknown> {
  const found = vscode.extensions.getExtension('headscope.headscope');
  assert.ok(found, 'headscope.headscope is not installed');
  return found;
}

describe('activation', () => {
  it('succeeds', async () => {
    await extension().activate();
    assert.equal(extension().isActive, true);
  });

  it('registers every command that the manifest contributes', async () => {
    await extension().activate();
    const { contributes } = extension().packageJSON as Manifest;
    const registered = new Set(await vscode.commands.getCommands(true));
    assert.ok(contributes.commands.length > 0);
    assert.deepEqual(
      contributes.commands.map(({ command }) => command).filter((command) => !registered.has(command)),
      [],
    );
  });

  it('checks a description of captured tensors where no model is open', async () => {
    const [folder] = vscode.workspace.workspaceFolders ?? [];
    assert.ok(folder);
    const uri = vscode.Uri.joinPath(folder.uri, 'toy.headscope-capture.json');
    const description = {
      kind: 'headscope-capture',
      ...{ version: 1, model: 'toy', file: 'toy.pt', tokens: ['a', 'b'], causal: true },
      tensors: [{ name: 'a', holds: 'attention', layout: ['layers', 'heads', 'queries', 'keys'] }],
    };
    await vscode.workspace.fs.writeFile(uri, Buffer.from(JSON.stringify(description)));
    try {
      const found = new Promise<readonly vscode.Diagnostic[]>((resolve) => {
        const listener = vscode.languages.onDidChangeDiagnostics(() => {
          const own = vscode.languages.getDiagnostics(uri);
          if (own.length === 0) return;
          listener.dispose();
          resolve(own);
        });
      });
      await vscode.window.showTextDocument(uri);
      const [finding] = await found;
      assert.match(finding?.message ?? '', /^toy\.pt is a pickle/u);
    } finally {
      await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
      await vscode.workspace.fs.delete(uri);
    }
  });

  it('registers the tools of agents, and answers as one is called', async () => {
    await extension().activate();
    const { contributes } = extension().packageJSON as Manifest;
    const known = vscode.lm.tools.map(({ name }) => name);
    for (const { name } of contributes.languageModelTools) assert.ok(known.includes(name), name);

    const [folder] = vscode.workspace.workspaceFolders ?? [];
    assert.ok(folder);
    const call = async (name: string, input: object): Promise<readonly string[]> => {
      const { content } = await vscode.lm.invokeTool(name, { input, toolInvocationToken: undefined });
      return content.map((part) => (part instanceof vscode.LanguageModelTextPart ? part.value : ''));
    };
    const [words = '', json = ''] = await call('headscope_inspect', { model: 'gpt2' });
    assert.match(words, /^attention +MHA/m);
    assert.equal((JSON.parse(json) as { family: string }).family, 'gpt2');
    await assert.rejects(call('headscope_inspect', { model: '/' }), /outside the folders that are open/);
    const [findings = ''] = await call('headscope_check', { paths: ['faulty'], quiet: true });
    assert.match(findings, /faulty\/config\.json:14:26: error: 6 key\/value heads cannot be shared evenly/);
    const bench = 'attention-on-this-laptop.headscope-bench.json';
    const [changes = ''] = await call('headscope_compare', { result: bench, other: bench });
    assert.match(changes, /^fused +512 +8\.58 +8\.58 +1$/mu);
    await assert.rejects(
      call('headscope_compare', { result: bench, other: 'gpt2/config.json' }),
      /gpt2\/config\.json is no result of the tools run, heads, task or bench/u,
    );
    assert.deepEqual(await call('headscope_open', { path: 'gpt2' }), ['Opened gpt2/config.json.']);
    await assert.rejects(call('headscope_open', { path: '..' }), /outside the folders that are open/);
  });
});
