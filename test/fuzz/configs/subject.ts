/**
 * Files of model folders, sound and broken: everything that an editor asks of one, and `headscope check`. Findings stand inside
 * the text and are sentences, hovers render nothing of the file, and no file passes unseen.
 */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CheckedFile } from '../../../language-server/command-line/checked-file';
import { runCheck } from '../../../language-server/command-line/check-command';
import {
  toCodeActions,
  toCodeLenses,
  toCompletions,
  toInlayHints,
  toLinks,
  toSymbols,
} from '../../../language-server/handlers/features';
import { checkFile } from '../../../language-server/service/check';
import { mostOfOneRule } from '../../../language-server/service/rules/rule';
import { noFacts } from '../../../language-server/service/folder-facts';
import { hoverAt } from '../../../language-server/service/hover';
import { modelFacts } from '../../../language-server/service/model-facts';
import { readModelFile } from '../../../language-server/service/model-file';
import { rules } from '../../../language-server/service/rules/catalogue';
import { headscopeFileName } from '../../../models/formats/headscope-file';
import { parseConfig } from '../../../models/formats/config/parse-config';
import type { Outcome, Subject } from '../../support/fuzz/subject';
import { rendered } from '../../support/rendered';
import { makeFile } from './seeds';
import type { MadeFile } from './seeds';

const own = /<\/?(p|strong|code|table|thead|tbody|tr|th|td)( align="right")?>/g;

/** Everything that an editor asks. */
const askAll = ({ name, bytes, pointed }: MadeFile): void => {
  const text = bytes.toString('utf8').replace(/^\ufeff/, '');
  const file = readModelFile(`file:///models/m/${name}`, text);
  const { document } = file;
  const findings = checkFile(file, noFacts, { severity: {}, deviceMemory: 2 ** 30 });
  assert.ok(findings.length <= rules.length * (mostOfOneRule + 1));
  for (const { span, message } of findings) {
    assert.ok(span.offset >= 0 && span.offset + span.length <= text.length, `${message} stands outside the text`);
    assert.match(message, /\.$/);
  }
  const offset = Math.floor(pointed * (text.length + 1));
  const position = document.positionAt(offset);
  for (const at of [offset, document.root?.offset ?? 0, text.indexOf('_') + 1]) {
    const hover = hoverAt(file, at);
    if (hover === undefined) continue;
    const { html } = rendered(hover.markdown.source);
    assert.doesNotMatch(html.replace(own, ''), /<[a-z/!?]/i, 'a hover renders words of the file');
  }
  toCompletions(file, position);
  toInlayHints(file, { start: { line: 0, character: 0 }, end: position });
  toCodeLenses(file, noFacts);
  toSymbols(file);
  toLinks(file, noFacts);
  toCodeActions(file, findings, { start: { line: 0, character: 0 }, end: position });
  modelFacts(file, noFacts, findings);
};

/** The file, or why nothing was checked: a `.headscope.json` that cannot be used ends the run before. */
const check = async (path: string): Promise<CheckedFile | string> => {
  let printed = '';
  let complaint = '';
  const status = await runCheck(
    [path, '--format', 'json'],
    (text) => (printed += text),
    (text) => (complaint += text),
  );
  if (status === 2 && basename(path) === headscopeFileName) {
    assert.equal(printed, '');
    const lines = complaint.trimEnd().split('\n');
    for (const line of lines) assert.match(line, /\.headscope\.json: .*\.$/);
    // Sentences quote the file.
    return (lines[0] ?? '').replace(/"[^"]*"|\.\.\..*\.\.\. /g, '…');
  }
  assert.equal(complaint, '');
  const { files } = JSON.parse(printed) as { readonly files: readonly CheckedFile[] };
  const [file] = files;
  assert.ok(file !== undefined && files.length === 1, 'the file that was named is told of');
  assert.equal(status, file.findings.some(({ severity }) => severity === 'error') ? 1 : 0);
  assert.ok(file.checked || status === 1, 'what is not checked fails');
  return file;
};

export const subject: Subject<MadeFile> = {
  counts: { tier: 400, full: 20_000 },
  least: { values: 0.3, refusals: 0.2 },
  make: makeFile,
  async run(made, folder): Promise<Outcome> {
    askAll(made);
    const root = join(folder, 'm');
    rmSync(root, { recursive: true, force: true });
    mkdirSync(root);
    const path = join(root, made.name);
    writeFileSync(path, made.bytes);
    const file = await check(path);
    if (typeof file === 'string') return { refusal: file };
    const refused = file.findings.find(({ code }) => code === 'json-invalid' || code === 'file-not-read');
    const text = made.bytes.toString('utf8');
    // JSON as Python reads it: told by another reading of the text than the one that finds the place.
    const isJson = parseConfig(text).ok && !text.startsWith('\ufeff') && Buffer.from(text).equals(made.bytes);
    assert.ok(isJson || refused !== undefined, `no JSON, and nothing is said: ${pathToFileURL(path).href}`);
    assert.ok(!isJson || refused?.code !== 'json-invalid', `JSON, and said to be none: ${refused?.message}`);
    return refused === undefined ? { value: { findings: file.findings.length } } : { refusal: refused.message };
  },
};
