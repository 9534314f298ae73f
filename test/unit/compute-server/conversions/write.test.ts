/** New checkpoints on the disk: whole or not at all, and what is refused before anything is written. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { disk, type Disk } from '../../../../compute-server/conversions/disk';
import { requirePlace } from '../../../../compute-server/conversions/place';
import { ServerCheckpoint } from '../../../../compute-server/conversions/server-checkpoint';
import { bytesOfTensor } from '../../../../compute-server/conversions/tensor-bytes';
import { writeFolder } from '../../../../compute-server/conversions/write-checkpoint';
import { openModel, type LoadedModel } from '../../../../compute-server/model/checkpoint/loaded-model';
import type { DraftCheckpoint, NewCheckpoint, NewTensor } from '../../../../diagnostics/model-runner/checkpoint';
import type { ModelRunner } from '../../../../diagnostics/model-runner/model-runner';
import { openCheckpoint } from '../../../../models/formats/safetensors/checkpoint';
import { runnerOf, surroundingsOf } from '../../../support/model-jobs';
import { writeShards } from '../../../support/safetensors-file';
import { tinyModel, tinyTensors, writeConfig } from '../../../support/checkpoints/tiny-models';

describe('a new checkpoint', () => {
  let root: string;
  let source: LoadedModel;
  const tensors = tinyTensors(tinyModel('llama'));

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'headscope-convert-'));
    const folder = join(root, 'source');
    mkdirSync(folder);
    writeConfig(folder, { ...tinyModel('llama').config, auto_map: { AutoModel: 'code.Model' } });
    writeShards(folder, tensors, 3, 'BF16');
    writeFileSync(join(folder, 'modeling_code.py'), 'print(1)');
    writeFileSync(join(folder, 'tokenizer_config.json'), '{}');
    source = await openModel(folder, { device: 'cpu', threads: 1, limitBytes: 1e9 });
  });
  after(async () => {
    await source.sessions.release();
    rmSync(root, { recursive: true });
  });

  const copies = (): readonly NewTensor[] =>
    source.tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape, made: { kind: 'copied', of: name } }));
  const copy = (): NewCheckpoint => ({
    config: source.config,
    tensors: copies(),
    record: { method: 'test', sentence: 'Nothing was changed.', settings: { share: 0.5 }, seed: 3 },
  });
  const checkpoint = (on: Disk = disk, signal = new AbortController().signal) =>
    new ServerCheckpoint(source, surroundingsOf(), signal, runnerOf, on);
  const drafted = async (
    of: ServerCheckpoint,
    folder: string,
    made = copy(),
  ): Promise<DraftCheckpoint<ModelRunner>> => {
    const writing = of.draft(folder, made);
    for (;;) {
      const step = await writing.next();
      if (step.done) return step.value;
    }
  };
  const others = (): readonly string[] => readdirSync(root).filter((name) => name !== 'source');
  const contents = (folder: string): readonly (readonly [string, string])[] =>
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'latin1')] as const);

  it('has the tensors of a sharded source byte for byte, the files of its tokenizer and no code', async () => {
    const before = contents(source.folder);
    const of = checkpoint();
    const draft = await drafted(of, join(root, 'copied'));
    assert.deepEqual(others().length, 1, 'it has no name yet');
    const { folder } = await draft.keep();
    await of.close();
    assert.deepEqual(others(), ['copied']);
    assert.deepEqual(readdirSync(folder).sort(), [
      'README.md',
      'config.json',
      'headscope-conversion.json',
      'model.safetensors',
      'tokenizer_config.json',
    ]);
    const made = await openCheckpoint(folder);
    assert.deepEqual(made.problems, []);
    for (const { name, file, offset, length } of made.tensors) {
      const old = source.weights.find(name)!;
      const bytes = (path: string, at: number): Buffer => readFileSync(path).subarray(at, at + length);
      assert.deepEqual(bytes(file, offset), bytes(join(source.weightsFolder, old.location), old.offset), name);
    }
    assert.ok(!('auto_map' in (JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as object)));
    const record = JSON.parse(readFileSync(join(folder, 'headscope-conversion.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    assert.deepEqual(
      { source: record['source'], method: record['method'], settings: record['settings'], seed: record['seed'] },
      { source: { name: 'source', hash: source.summary.hash }, method: 'test', settings: { share: 0.5 }, seed: 3 },
    );
    assert.deepEqual(contents(source.folder), before, 'the source is as it was');
    rmSync(folder, { recursive: true });
  });

  it('rows and columns of stored tensors, and computed ones rounded to their type', async () => {
    const name = 'model.layers.0.mlp.down_proj.weight';
    const { shape, data } = tensors.get(name)!;
    const [rows = 0, width = 0] = shape;
    const weights = { find: (of: string) => source.weights.find(of), folder: source.weightsFolder };
    const halves = async (tensor: NewTensor): Promise<Uint16Array> => {
      const pieces: Uint8Array[] = [];
      for await (const piece of bytesOfTensor(tensor, weights)) pieces.push(piece);
      return new Uint16Array(Uint8Array.from(Buffer.concat(pieces)).buffer);
    };
    const all = await halves({ name, dtype: 'BF16', shape, made: { kind: 'copied', of: name } });
    const ranges = [
      [1, 3],
      [7, 8],
    ] as const;
    const columns = await halves({
      name,
      dtype: 'BF16',
      shape: [rows, 3],
      made: { kind: 'taken', of: name, axis: 1, ranges },
    });
    const expected = Array.from({ length: rows }, (_, row) => [1, 2, 7].map((column) => all[row * width + column]!));
    assert.deepEqual([...columns], expected.flat());
    const taken = await halves({
      name,
      dtype: 'BF16',
      shape: [3, width],
      made: { kind: 'taken', of: name, axis: 0, ranges },
    });
    assert.deepEqual(
      [...taken],
      [1, 2, 7].flatMap((row) => [...all.subarray(row * width, (row + 1) * width)]),
    );
    const computed = await halves({
      name,
      dtype: 'BF16',
      shape,
      made: { kind: 'computed', numbers: () => Promise.resolve(data) },
    });
    assert.deepEqual(computed, all);
  });

  it('of more bytes than a file is to have is written with an index', async () => {
    const folder = join(root, 'sharded');
    mkdirSync(folder);
    const weights = { find: (of: string) => source.weights.find(of), folder: source.weightsFolder };
    const { folder: from, summary } = source;
    const { name, hash } = summary;
    for await (const { bytes, totalBytes } of writeFolder(
      folder,
      copy(),
      { folder: from, name, hash, weights },
      disk,
      8000,
    )) {
      assert.ok(bytes <= totalBytes);
    }
    const made = await openCheckpoint(folder);
    assert.deepEqual(made.problems, []);
    assert.ok(made.files.length > 2 && made.index);
    assert.deepEqual(new Set(made.tensors.map((one) => one.name)), new Set(source.tensors.map((one) => one.name)));
    rmSync(folder, { recursive: true });
  });

  it('leaves nothing when the disk is full, the run is cancelled or left, or the new model cannot be opened', async () => {
    let left = 5000;
    const full: Disk = {
      ...disk,
      async create(path) {
        const file = await disk.create(path);
        return {
          ...file,
          async write(bytes) {
            left -= bytes.length;
            if (left < 0) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
            await file.write(bytes);
          },
        };
      },
    };
    const detail = async (run: Promise<unknown>): Promise<string> => {
      const error: unknown = await run.then(
        () => assert.fail('it was written'),
        (thrown: unknown) => thrown,
      );
      return (error as { failure?: { detail?: string } }).failure?.detail ?? String(error);
    };
    assert.match(await detail(drafted(checkpoint(full), join(root, 'full'))), /the disk is full.*Nothing was left/);
    assert.deepEqual(others(), []);

    const cancel = new AbortController();
    const writing = checkpoint(disk, cancel.signal).draft(join(root, 'cancelled'), copy());
    await writing.next();
    assert.equal(others().length, 1);
    cancel.abort();
    await assert.rejects(writing.next());
    assert.deepEqual(others(), []);

    const leaving = checkpoint().draft(join(root, 'left'), copy());
    await leaving.next();
    await leaving.return(undefined as never);
    assert.deepEqual(others(), []);

    // A run that is cancelled is not asked for another step.
    let dropped = 0;
    const counting = checkpoint({
      ...disk,
      async create(path) {
        const file = await disk.create(path);
        const drop = (): Promise<void> => {
          dropped++;
          return file.drop();
        };
        return { ...file, drop };
      },
    });
    await counting.draft(join(root, 'ended'), copy()).next();
    await counting.close();
    assert.deepEqual([others(), dropped], [[], 1]);

    const of = checkpoint();
    await drafted(of, join(root, 'not kept'));
    await of.close();
    assert.deepEqual(others(), []);

    const lacking = { ...copy(), tensors: copies().slice(1) };
    assert.match(await detail(drafted(checkpoint(), join(root, 'lacking'), lacking)), /no tensor|lack/);
    assert.deepEqual(others(), []);
  });

  it('is refused before anything is written', async () => {
    const of = checkpoint();
    const refused = (folder: string, bytes = 0, which = of): Promise<string> =>
      which.requireWritable(folder, bytes).then(
        () => assert.fail(`${folder} was taken`),
        (error: { failure: { detail: string } }) => error.failure.detail,
      );
    assert.match(await refused(join(source.folder, 'inside')), /lies in the folder of the model/);
    assert.match(await refused(source.folder), /lies in the folder of the model/);
    assert.match(await refused(root), /lies in the folder of the model, or the model in it/);
    assert.match(await refused(join(root, 'none', 'there')), /does not exist/);
    writeFileSync(join(root, 'file'), '');
    assert.match(await refused(join(root, 'file')), /no folder that can be written/);
    // A GGUF file has its weights in an order of its own.
    await assert.rejects(requirePlace(join(root, 'new'), join(root, 'file'), 0, disk), ({ failure }) =>
      /file is a single file, but a new checkpoint is made from a folder/.test((failure as { detail: string }).detail),
    );
    rmSync(join(root, 'file'));
    mkdirSync(join(root, 'used'));
    await of.requireWritable(join(root, 'used'), 0);
    writeFileSync(join(root, 'used', 'a'), '');
    assert.match(await refused(join(root, 'used')), /holds files already/);
    rmSync(join(root, 'used'), { recursive: true });
    symlinkSync('nowhere', join(root, 'dangling'));
    assert.match(await refused(join(root, 'dangling')), /dangling is a link, and nothing is where it leads/);
    rmSync(join(root, 'dangling'));
    const license = join(source.folder, 'LICENSE');
    execFileSync('mkfifo', [license]);
    assert.match(await refused(join(root, 'new')), /LICENSE of the model cannot be copied\. It is a named pipe/);
    rmSync(license);
    writeFileSync(license, '');
    truncateSync(license, 3e9);
    assert.match(await refused(join(root, 'new')), /LICENSE of the model has 3000 MB, and at most 268 MB are copied/);
    rmSync(license);
    const small = checkpoint({ ...disk, free: () => Promise.resolve(1e8) });
    await small.requireWritable(join(root, 'new'), 1e7);
    assert.match(await refused(join(root, 'new'), 1e8, small), /takes 168 MB, and the disk of .* has 100 MB free/);
    assert.deepEqual(others(), []);
  });
});
