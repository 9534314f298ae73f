import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { median, quantile } from 'simple-statistics';
import { FolderReader } from '../../language-server/workspace/folder-reader';
import { Editor } from '../process/language-server/editor';
import type { Bench } from './support/bench';

const keystrokes = 200;
const shardCount = 200;
const starts = 9;

const header = (
  tensors: Readonly<Record<string, readonly number[]>>,
): { readonly bytes: Buffer; readonly data: number } => {
  let position = 0;
  const entries = Object.entries(tensors).map(([name, shape]): [string, unknown] => {
    const begin = position;
    position += 2 * shape.reduce((product, size) => product * size, 1);
    return [name, { dtype: 'BF16', shape, data_offsets: [begin, position] }];
  });
  const text = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return { bytes: Buffer.concat([length, text]), data: position };
};

/** 200 layers, a shard each, of ten small tensors: names and counts as in a model of a trillion parameters, 70 kB of data each. */
const writeModel = (folder: string): string => {
  const map: Record<string, string> = {};
  for (let layer = 0; layer < shardCount; layer += 1) {
    const file = `model-${String(layer + 1).padStart(5, '0')}-of-${String(shardCount).padStart(5, '0')}.safetensors`;
    const prefix = `model.layers.${layer}.`;
    const tensors: Record<string, readonly number[]> = {
      [`${prefix}input_layernorm.weight`]: [64],
      [`${prefix}post_attention_layernorm.weight`]: [64],
      [`${prefix}self_attn.q_proj.weight`]: [64, 64],
      [`${prefix}self_attn.k_proj.weight`]: [32, 64],
      [`${prefix}self_attn.v_proj.weight`]: [32, 64],
      [`${prefix}self_attn.o_proj.weight`]: [64, 64],
      [`${prefix}mlp.gate_proj.weight`]: [96, 64],
      [`${prefix}mlp.up_proj.weight`]: [96, 64],
      [`${prefix}mlp.down_proj.weight`]: [64, 96],
      ...(layer === 0
        ? { 'model.embed_tokens.weight': [100, 64], 'model.norm.weight': [64], 'lm_head.weight': [100, 64] }
        : {}),
    };
    for (const name of Object.keys(tensors)) map[name] = file;
    const { bytes, data } = header(tensors);
    writeFileSync(join(folder, file), Buffer.concat([bytes, Buffer.alloc(data)]));
  }
  writeFileSync(
    join(folder, 'model.safetensors.index.json'),
    JSON.stringify({ metadata: {}, weight_map: map }, undefined, 2),
  );
  const labels = Object.fromEntries(Array.from({ length: 330 }, (_, index) => [String(index), `label ${index}`]));
  return JSON.stringify(
    {
      model_type: 'llama',
      hidden_size: 64,
      intermediate_size: 96,
      num_hidden_layers: shardCount,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      vocab_size: 100,
      dtype: 'bfloat16',
      id2label: labels,
    },
    undefined,
    2,
  );
};

/** From sending a change to the report about that very version, one after the other as a person types. */
const typing = async (editor: Editor, uri: string, texts: readonly [string, string]): Promise<readonly number[]> => {
  await editor.open(uri, texts[0]);
  await editor.report(uri, (_, version) => version === 1);
  const times: number[] = [];
  for (let version = 2; version < keystrokes + 2; version += 1) {
    const start = performance.now();
    await editor.change(uri, texts[version % 2] ?? '', version);
    await editor.report(uri, (_, told) => told === version);
    times.push(performance.now() - start);
  }
  return times;
};

const residentMegabytes = (pid: number | undefined): number =>
  Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024;

/** As extension/platform/language-client.ts starts it. */
const nodeOptions = ['--max-semi-space-size=4'];

const languageServer: Bench = {
  name: 'Language server',
  async run(report) {
    const root = mkdtempSync(join(tmpdir(), 'headscope-bench-'));
    try {
      const server = join(root, 'language-server.js');
      await build({
        entryPoints: ['language-server/main.ts'],
        outfile: server,
        bundle: true,
        platform: 'node',
        target: 'node20',
        format: 'cjs',
        mainFields: ['module', 'main'],
        logLevel: 'error',
      });
      const started: number[] = [];
      for (let run = 0; run < starts; run += 1) {
        const start = performance.now();
        const editor = await Editor.start({ server, nodeOptions });
        started.push(performance.now() - start);
        await editor.stop();
      }
      report.figure({
        name: 'start of the process to the answer to initialize',
        value: median(started),
        unit: 'ms',
        target: 300,
        note: `median of ${starts}`,
      });

      const folder = join(root, 'model');
      mkdirSync(folder);
      const config = writeModel(folder);
      writeFileSync(join(folder, 'config.json'), config);
      const scans: number[] = [];
      for (let run = 0; run < 15; run += 1) {
        const start = performance.now();
        const { shards } = await new FolderReader().facts(folder);
        scans.push(performance.now() - start);
        if (shards.size !== shardCount) throw new Error(`${shards.size} shards were read`);
      }
      report.figure({
        name: `headers of ${shardCount} shards and the index`,
        value: median(scans),
        unit: 'ms',
        target: 200,
        note: 'median of 15 cold readers, files in the page cache',
      });

      const editor = await Editor.start({ server, nodeOptions });
      const uri = pathToFileURL(join(folder, 'config.json')).href;
      const faulty = config.replace('"num_key_value_heads": 2', '"num_key_value_heads": 3');
      const small = await typing(editor, uri, [config, faulty]);
      report.figure({
        name: `keystroke to findings, ${Math.round(config.length / 1024)} KB config beside ${shardCount} shards, p95`,
        value: quantile([...small], 0.95),
        unit: 'ms',
        target: 30,
        note: `median ${median([...small]).toFixed(1)} ms of ${keystrokes}; 8 ms of it wait for a pause`,
      });

      const wide = JSON.stringify(
        {
          ...(JSON.parse(config) as object),
          id2label: Object.fromEntries(
            Array.from({ length: 31_000 }, (_, index) => [String(index), `label number ${index}`]),
          ),
        },
        undefined,
        2,
      );
      const large = await typing(editor, pathToFileURL(join(root, 'large', 'config.json')).href, [
        wide,
        wide.replace('"num_key_value_heads": 2', '"num_key_value_heads": 3'),
      ]);
      report.figure({
        name: `keystroke to findings, ${(wide.length / 2 ** 20).toFixed(2)} MB JSON, p95`,
        value: quantile([...large], 0.95),
        unit: 'ms',
        target: 100,
        note: `median ${median([...large]).toFixed(1)} ms; the whole text is sent`,
      });
      report.figure({
        name: 'resident memory after all this',
        value: residentMegabytes(editor.child.pid),
        unit: 'MB',
        target: 150,
      });
      await editor.stop();
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  },
};

export default languageServer;
