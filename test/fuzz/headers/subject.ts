/**
 * Headers of files in a model folder, sound and broken: safetensors with its index, ONNX graphs, GGUF, vocabularies of tokenizers. What
 * is read of them lies inside the file, and what cannot be true is said in a sentence.
 */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { printable } from '../../../language-server/command-line/printable';
import { checkFile } from '../../../language-server/service/check';
import { FolderReader } from '../../../language-server/workspace/folder-reader';
import { mostLayers } from '../../../models/formats/config/transformer';
import { runnableGguf } from '../../../models/architectures/gguf-verdict';
import { openGguf } from '../../../models/formats/gguf/checkpoint';
import { ggufTokenizer } from '../../../models/formats/gguf/tokenizer';
import { readGguf } from '../../../models/formats/gguf/read-gguf';
import { readOnnx } from '../../../models/formats/onnx/read-onnx';
import { openCheckpoint } from '../../../models/formats/safetensors/checkpoint';
import { readSafetensorsHeader } from '../../../models/formats/safetensors/read-header';
import { mutateBytes, mutateTree, Random } from '../../support/fuzz/random';
import type { Outcome, Subject } from '../../support/fuzz/subject';
import { ggufFile, smallLlama } from '../../support/gguf-file';
import { onnxGraph } from '../../support/onnx-graph';
import { modelFile } from '../../unit/language-server/caret';

type Kind = 'safetensors' | 'index' | 'onnx' | 'gguf' | 'tokenizer';
interface Input {
  readonly kind: Kind;
  readonly bytes: Buffer;
}

const names: Readonly<Record<Kind, string>> = {
  safetensors: 'model.safetensors',
  index: 'model.safetensors.index.json',
  onnx: 'model.onnx',
  gguf: 'model.gguf',
  tokenizer: 'tokenizer.json',
};

const header = (json: string | Buffer, data: number, claimed?: bigint): Buffer => {
  const text = Buffer.from(json as string);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(data)]);
};

const tensors = {
  __metadata__: { format: 'pt' },
  'model.embed_tokens.weight': { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] },
  'model.layers.0.self_attn.k_proj.weight': { dtype: 'BF16', shape: [4, 2], data_offsets: [24, 40] },
};
const index = { metadata: { total_size: 40 }, weight_map: { a: 'model-1.safetensors', b: 'model-2.safetensors' } };
const vocabulary = { model: { type: 'BPE', vocab: { a: 0, b: 1, c: 2 }, merges: [] }, added_tokens: [{ id: 3 }] };
const config = '{"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2}';

const json = (random: Random, value: unknown): Buffer => {
  const tree = random.chance(0.8) ? mutateTree(random, value, 4) : value;
  const text = Buffer.from(JSON.stringify(tree) ?? '');
  return random.chance(0.4) ? mutateBytes(random, text, 3) : text;
};

/** Counts and lengths that no file holds stand where a number of 64 bits may be. */
const gguf = (random: Random): Buffer => {
  const whole = ggufFile({ version: random.pick([1, 2, 3, 3, 3]), bigEndian: random.chance(0.1), ...smallLlama() });
  // The data behind the header are zeros, which say nothing.
  const bytes = random.chance(0.3) ? whole.subarray(0, random.whole(0, 6000)) : whole.subarray(0, 8000);
  if (bytes.length > 8 && random.chance(0.3)) {
    const value = random.pick([0n, 1n, 2n ** 20n, 2n ** 31n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]);
    bytes.writeBigUInt64LE(value, random.whole(0, bytes.length - 8));
  }
  return random.chance(0.6) ? mutateBytes(random, bytes, 4) : bytes;
};

const make = (seed: number): Input => {
  const random = new Random(seed);
  const kind = random.pick<Kind>(['safetensors', 'safetensors', 'onnx', 'onnx', 'gguf', 'gguf', 'index', 'tokenizer']);
  if (kind === 'index') return { kind, bytes: json(random, index) };
  if (kind === 'tokenizer') return { kind, bytes: json(random, vocabulary) };
  if (kind === 'gguf') return { kind, bytes: gguf(random) };
  if (kind === 'onnx') {
    const graph = Buffer.from(onnxGraph(random.whole(1, 40), random.whole(1, 40), random.whole(0, 300)));
    return { kind, bytes: random.chance(0.7) ? mutateBytes(random, graph, 4) : graph };
  }
  const claimed = random.chance(0.1)
    ? random.pick([0n, 1n, 2n ** 31n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n, 1000n])
    : undefined;
  const whole = random.chance(0.2) ? header(JSON.stringify(tensors), 40) : header(json(random, tensors), 40, claimed);
  return { kind, bytes: random.chance(0.3) ? mutateBytes(random, whole, 3) : whole };
};

export const subject: Subject<Input> = {
  counts: { tier: 600, full: 8000 },
  least: { values: 0.2, refusals: 0.2 },
  make,
  async run({ kind, bytes }, folder): Promise<Outcome> {
    const root = join(folder, 'm');
    rmSync(root, { recursive: true, force: true });
    mkdirSync(root);
    const path = join(root, names[kind]);
    writeFileSync(path, bytes);
    writeFileSync(join(root, 'config.json'), config);
    const facts = await new FolderReader().facts(root);
    const findings = checkFile(modelFile(config), facts);
    for (const { message } of findings) assert.match(message, /\.$/);
    if (kind === 'tokenizer') {
      assert.ok(facts.tokenizer !== undefined && facts.tokenizer.bytes === bytes.length);
      return { value: facts.tokenizer };
    }
    if (kind === 'gguf') {
      const read = await readGguf(path);
      const runs = await runnableGguf(path);
      assert.ok(runs === true || /[.]$/.test(runs), String(runs));
      const opened = await openGguf(path);
      if (opened.ok) {
        const tokenizer = ggufTokenizer(opened.gguf.metadata);
        assert.ok(tokenizer.ok || tokenizer.why.endsWith('.'));
        // Nothing is read outside the file.
        for (const { offset, length } of opened.gguf.checkpoint.tensors)
          assert.ok(offset >= 0 && length >= 0 && offset + length <= bytes.length);
      }
      if (!read.ok) return { refusal: printable(read.message) };
      const { weights, notes, description } = read.gguf;
      for (const note of notes) assert.match(note, /\.$/);
      assert.ok(weights.parameters >= 0 && weights.bytes >= 0 && weights.active <= weights.parameters);
      for (const { layers } of description?.parts ?? []) assert.ok(layers.length <= mostLayers);
      return { value: read.gguf };
    }
    if (kind === 'onnx') {
      const read = await readOnnx(path);
      if (read.ok) return { value: read.onnx };
      assert.ok(
        findings.some(({ code }) => code === 'graph-unreadable'),
        'a damaged graph is told of',
      );
      return { refusal: read.message };
    }
    const { tensors: found, problems } = await openCheckpoint(root);
    for (const { offset, length } of found) assert.ok(offset >= 0 && length >= 0);
    if (kind === 'safetensors') {
      const read = await readSafetensorsHeader(path);
      assert.ok(read.ok);
      const [problem] = read.header.problems;
      if (problem !== undefined) {
        assert.ok(
          findings.some(({ code }) => code === 'shard-unreadable'),
          'a false header is told of',
        );
        return { refusal: printable(problem.message) };
      }
      for (const { offset, length } of found) assert.ok(offset + length <= bytes.length, 'a tensor lies outside');
      return { value: read.header };
    }
    const [problem] = problems;
    return problem === undefined ? { value: { tensors: found.length } } : { refusal: printable(problem.message) };
  },
};
