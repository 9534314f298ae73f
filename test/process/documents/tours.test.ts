/** The tours in docs/tours: each command in a `console` block is run, and prints what the tour says. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { repositoryRoot } from '../../support/host/versions';

interface Example {
  readonly command: string;
  /** Lines of the output; `…` alone stands for any lines, at the end of a line for the rest of it. */
  readonly expected: readonly string[];
}

const folder = join(repositoryRoot, 'docs/tours');
const tours = readdirSync(folder).filter((name) => name.endsWith('.md'));

const blocksOf = (text: string, language: string): readonly { readonly name: string; readonly body: string }[] =>
  [...text.matchAll(/^```(\w+) ?(\S*)\n([\s\S]*?)^```$/gm)]
    .filter(([, kind]) => kind === language)
    .map(([, , name = '', body = '']) => ({ name, body }));

const examplesOf = (text: string): readonly Example[] =>
  blocksOf(text, 'console').flatMap(({ body }) =>
    body
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [command = '', ...expected] = part.trimEnd().split('\n');
        return { command, expected };
      }),
  );

/** Words as a shell takes them, with double quotes alone. */
const wordsOf = (command: string): readonly string[] =>
  [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');

const plain = (line: string): string => line.trim().replace(/\s+/g, ' ');

/** The first line of what is expected that the output does not have where it should, or undefined. */
function missing(output: string, expected: readonly string[]): string | undefined {
  const lines = output
    .split('\n')
    .map(plain)
    .filter((line) => line !== '');
  const equal = (line: string, wanted: string): boolean =>
    wanted.endsWith('…') ? line.startsWith(wanted.slice(0, -1).trimEnd()) : line === wanted;
  let at = 0;
  let anywhere = false;
  for (const wanted of expected.map(plain).filter((line) => line !== '')) {
    if (wanted === '…') {
      anywhere = true;
      continue;
    }
    const found = lines.findIndex((line, index) => index >= at && equal(line, wanted));
    if (found < 0 || (!anywhere && found !== at)) return wanted;
    at = found + 1;
    anywhere = false;
  }
  return anywhere || at === lines.length ? undefined : `the end, in the place of ${lines[at]}`;
}

function outputOf(words: readonly string[], cwd: string): Promise<string> {
  const child = spawn(process.execPath, [join(repositoryRoot, 'dist/cli.js'), ...words], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    // 1 is a finding of `headscope check`.
    child.once('close', (code) => {
      if (code === 0 || code === 1) resolve(stderr + stdout);
      else reject(new Error(`headscope ${words.join(' ')} ended with ${code}: ${stderr}`));
    });
  });
}

describe('the tours', function () {
  this.timeout(120_000);
  let place: string;
  before(() => {
    place = mkdtempSync(join(tmpdir(), 'headscope-tours-'));
    symlinkSync(join(repositoryRoot, 'examples'), join(place, 'examples'), 'junction');
  });
  after(() => rmSync(place, { recursive: true, force: true }));

  for (const name of tours) {
    it(`${name}: every command prints what is written`, async () => {
      const text = readFileSync(join(folder, name), 'utf8');
      const examples = examplesOf(text);
      assert.ok(examples.length > 0);
      for (const { name: file, body } of blocksOf(text, 'jsonl')) writeFileSync(join(place, file), body);
      // All that differs at once: a new demo model changes many of them.
      const different: string[] = [];
      for (const { command, expected } of examples) {
        const [program, ...words] = wordsOf(command);
        assert.equal(program, 'headscope');
        const output = await outputOf(words, place);
        const line = missing(output, expected);
        if (line !== undefined) different.push(`$ ${command}\n${output}does not print: ${line}`);
      }
      assert.equal(different.join('\n\n'), '');
    });
  }

  it('are compared line by line', () => {
    const output = 'a  1\nb 2\nc 3\n';
    assert.equal(missing(output, ['a 1', 'b 2', 'c 3']), undefined);
    assert.equal(missing(output, ['…', 'c …']), undefined);
    assert.equal(missing(output, ['a 1', 'c 3']), 'c 3');
    assert.equal(missing(output, ['a 1', '…', 'b 3', '…']), 'b 3');
    assert.equal(missing(output, ['a 1', 'b 2']), 'the end, in the place of c 3');
  });
});
