/** headscope steer in the product: a vector of two sets of prompts steers the demo model, and goes from form to form. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildPlainServer, plainServer } from '../compute/support/bundle';
import { runCli } from '../compute/support/run-cli';

const { cliScript } = plainServer;
const model = resolve('examples/models/demo-lm');
const width = 192;

/** Directions of a GGUF file in which they stand in order, read by place: the data end the file, each a multiple of 32 bytes. */
function directions(file: Buffer): readonly Float32Array[] {
  const count = Number(file.readBigUInt64LE(8));
  const start = file.length - count * 4 * width;
  return Array.from({ length: count }, (_, at) =>
    Float32Array.from({ length: width }, (_, column) => file.readFloatLE(start + 4 * (at * width + column))),
  );
}

describe('headscope steer', function () {
  this.timeout(180_000);
  let root: string;
  const at = (file: string): string => join(root, file);
  before(async () => {
    await buildPlainServer();
    root = mkdtempSync(join(tmpdir(), 'headscope-steer-'));
    writeFileSync(at('toward.txt'), 'the cat sat on the mat\n\nthe cat is here\n');
    writeFileSync(at('from.jsonl'), '{"text": "the dog ran"}\n"a dog and a bird"\n{"prompt": "the king said"}\n');
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  const run = (...words: readonly string[]) =>
    runCli(cliScript, words, { ...process.env, HEADSCOPE_CACHE_DIR: at('cache'), HEADSCOPE_THREADS: '1' });
  const done = async (...words: readonly string[]) => {
    const result = await run(...words);
    assert.equal(result.code, 0, result.stderr);
    return result;
  };
  const made = (...words: readonly string[]) =>
    done('steer', model, '--toward', at('toward.txt'), '--from', at('from.jsonl'), ...words);

  it('writes a vector for every layer, and a control vector without that of layer 0', async () => {
    const { stdout } = await made('-o', at('all.safetensors'), '--json', '-');
    const { vectors, settings, leftOut } = JSON.parse(stdout) as {
      readonly vectors: readonly { readonly layer: number; readonly length: number; readonly streamLength: number }[];
      readonly settings: { readonly toward: readonly string[]; readonly from: readonly string[] };
      readonly leftOut: readonly string[];
    };
    assert.deepEqual(settings.toward, ['the cat sat on the mat', 'the cat is here']);
    assert.deepEqual(settings.from, ['the dog ran', 'a dog and a bird', 'the king said']);
    assert.deepEqual(
      vectors.map(({ layer }) => layer),
      [0, 1, 2, 3, 4, 5],
    );
    assert.deepEqual(leftOut, []);
    const { stderr } = await made('-o', at('some.gguf'));
    assert.match(stderr, /The vector of layer 0 is not in the file: a control vector begins with direction\.1/);
    const found = directions(readFileSync(at('some.gguf'))).map((vector) => Math.hypot(...vector));
    assert.equal(found.length, 5);
    found.forEach((length, each) => assert.ok(Math.abs(length - vectors[each + 1]!.length) < 1e-3));
  });

  it('multiplies strengths in, sums what is added, and names what has no place in the file', async () => {
    const { stderr } = await done(
      ...['steer', model, '-o', at('scaled.gguf'), '--do', `add:*=-2*file:${at('all.safetensors')}`],
      ...['--do', `add:3=0.5*file:${at('some.gguf')}`, '--do', `add:2@1-4=file:${at('some.gguf')}`],
      ...['--do', 'gain:1.2=0'],
    );
    assert.match(stderr, /"add:2@1-4=1\*file:.*" is not in the file: it acts on some positions/);
    assert.match(stderr, /"gain:1\.2=0" is not in the file: it adds no vector/);
    assert.match(stderr, /The vector of layer 0 is not in the file/);
    const [plain, scaled] = ['some.gguf', 'scaled.gguf'].map((file) => directions(readFileSync(at(file))));
    scaled?.forEach((vector, each) =>
      vector.forEach((value, column) => {
        const expected = (each === 2 ? -1.5 : -2) * plain![each]![column]!;
        assert.ok(Math.abs(value - expected) <= 1e-5 * Math.abs(expected) + 1e-6);
      }),
    );
  });

  it('steers what the model writes, by either file, and strength 0 does not', async () => {
    const text = async (...more: readonly string[]): Promise<string> =>
      (await done('generate', model, '--prompt', 'the cat', '--max-new-tokens', '8', ...more)).stdout;
    const plain = await text();
    const steered = await text('--do', `add:4=0.5*file:${at('some.gguf')}`);
    assert.notEqual(steered, plain);
    assert.equal(await text('--do', `add:4=0.5*file:${at('all.safetensors')}`), steered);
    assert.equal(await text('--do', `add:*=0*file:${at('some.gguf')}`), plain);
  });

  it('replaces its own files and no other, and refuses with exit code 2', async () => {
    await made('-o', at('some.gguf'), '--layers', '4');
    assert.equal(directions(readFileSync(at('some.gguf'))).length, 1);
    writeFileSync(at('mine.gguf'), 'mine');
    writeFileSync(at('large.json'), JSON.stringify({ 3: new Array(width).fill(3e38) }));
    const add = `add:0=1*file:${at('all.safetensors')}`;
    const twice = (form: string): readonly string[] => ['--do', form, '--do', form];
    for (const [words, sentence] of [
      [['--do', add, '-o', at('mine.gguf')], /not a steering vector that Headscope wrote/],
      [['--do', add, '-o', at('none.gguf')], /none\.gguf was not written\. The vector of layer 0 is not in the file/],
      [['--do', add, '-o', at('none.bin')], /Name a \.gguf or a \.safetensors file/],
      [
        ['--do', `add:9=file:${at('all.safetensors')}`, '-o', at('none.gguf')],
        /no vector for layer 9: it has those of 0, 1/,
      ],
      [
        [...twice(`add:3=1*file:${at('large.json')}`), '-o', at('large.gguf')],
        /added to layer 3 is too large for float32/,
      ],
      [['--do', add, '--layers', '1', '-o', at('none.gguf')], /--layers and --chat go with prompts/],
      [['--toward', at('toward.txt'), '-o', at('none.gguf')], /Give both, --toward and --from/],
      [['-o', at('none.gguf')], /Give two files of prompts/],
      [
        ['--toward', at('toward.txt'), '--from', at('from.jsonl'), '--layers', '6', '-o', at('none.gguf')],
        /no layer 6: the model has 6/,
      ],
    ] as const) {
      const { code, stderr } = await run('steer', model, ...words);
      assert.equal(code, 2, stderr);
      assert.match(stderr, sentence);
    }
    assert.equal(readFileSync(at('mine.gguf'), 'utf8'), 'mine');
  });
});
