/** What a config says of itself never becomes formatting, a link or a picture in an editor: the real server, then marked. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CodeLens, CompletionItem, DocumentLink, Hover, InlayHint } from 'vscode-languageserver-protocol';
import { hostileTexts } from '../../support/hostile-texts';
import { rendered } from '../../support/rendered';
import { Editor } from './editor';

/** A config in which a text stands wherever a text can, names of keys included. */
const configOf = (text: string): string =>
  JSON.stringify(
    {
      model_type: 'llama',
      hidden_size: 64,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      vocab_size: 100,
      max_position_embeddings: 4096,
      hidden_act: text,
      dtype: text,
      torch_dtype: text,
      transformers_version: text,
      architectures: [text],
      layer_types: [text, text],
      rope_theta: text,
      rope_scaling: { rope_type: text, factor: 2 },
      quantization_config: { quant_method: text, bits: 4, group_size: 7 },
      [text]: text,
      text_config: {
        model_type: text,
        hidden_size: 64,
        num_attention_heads: 4,
        num_hidden_layers: 2,
        hidden_act: text,
      },
      vision_config: {
        model_type: text,
        hidden_size: 64,
        num_attention_heads: 4,
        num_hidden_layers: 2,
        patch_size: 14,
      },
    },
    undefined,
    2,
  );
const unknownType = (text: string): string => configOf(text).replace('"llama"', JSON.stringify(text));

describe('hostile values in a config', () => {
  let root: string;
  let editor: Editor;
  before(async () => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'headscope-hostile-values-')));
    editor = await Editor.start();
  });
  after(async () => {
    assert.equal(await editor.stop(), 0);
    rmSync(root, { recursive: true, force: true });
  });

  let hovers = 0;
  for (const [name, text] of Object.entries(hostileTexts)) {
    it(`${name}: no hover renders it`, async () => {
      for (const [index, config] of [configOf(text), unknownType(text)].entries()) {
        const folder = join(root, `${name.replace(/\W/g, '-')}-${index}`);
        mkdirSync(folder);
        writeFileSync(join(folder, 'config.json'), config);
        const uri = pathToFileURL(join(folder, 'config.json')).href;
        await editor.open(uri, config);
        const textDocument = { uri };
        const lines = config.split('\n');
        for (const [line, words] of lines.entries()) {
          for (const character of [words.search(/\S/) + 1, Math.max(0, words.length - 3)]) {
            const hover = await editor.request<Hover | null>('textDocument/hover', {
              textDocument,
              position: { line, character },
            });
            if (hover === null) continue;
            hovers += 1;
            const { contents } = hover;
            assert.ok(typeof contents === 'object' && 'kind' in contents && contents.kind === 'markdown');
            const { html } = rendered(contents.value);
            const foreign = html.replace(/<\/?(p|strong|code|table|thead|tbody|tr|th|td)( align="right")?>/g, '');
            assert.doesNotMatch(foreign, /<[a-z/!?]/i, `${words}\n${html}`);
          }
        }
        // All else is plain text by its type: LSP renders a string as it is.
        const range = { start: { line: 0, character: 0 }, end: { line: lines.length, character: 0 } };
        for (const { label, tooltip } of await editor.request<InlayHint[]>('textDocument/inlayHint', {
          textDocument,
          range,
        }))
          assert.ok(typeof label === 'string' && (tooltip === undefined || typeof tooltip === 'string'));
        for (const { documentation } of await editor.request<CompletionItem[]>('textDocument/completion', {
          textDocument,
          position: { line: 1, character: 3 },
        }))
          assert.ok(documentation === undefined || typeof documentation === 'string');
        for (const { command } of await editor.request<CodeLens[]>('textDocument/codeLens', { textDocument })) {
          // A lens shows icons: its words come from the server alone.
          assert.ok(!(command?.title ?? '').includes(text.slice(0, 8)), command?.title);
          assert.match(command?.command ?? '', /^(headscope\.\w+)?$/);
        }
        for (const { tooltip, target } of await editor.request<DocumentLink[]>('textDocument/documentLink', {
          textDocument,
        })) {
          assert.equal(tooltip, 'Open this file');
          assert.ok(target?.startsWith('file:'));
        }
        const { diagnostics } = await editor.report(uri, () => true);
        for (const { message, relatedInformation = [] } of diagnostics)
          for (const words of [message, ...relatedInformation.map((related) => related.message)])
            assert.equal(typeof words, 'string');
        await editor.close(uri);
      }
    });
  }
  it('hovers were asked for', () => assert.ok(hovers > 200, `${hovers}`));
});
