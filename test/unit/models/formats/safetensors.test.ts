import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  linkSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCheckpoint } from '../../../../models/formats/safetensors/checkpoint';
import { resolveInside } from '../../../../models/formats/containment';
import { longestHeader, parseSafetensorsHeader } from '../../../../models/formats/safetensors/header';
import { readSafetensorsHeader } from '../../../../models/formats/safetensors/read-header';

/** The header as bytes; `length` may lie. */
function headerBytes(json: string | Uint8Array, length?: bigint): Buffer {
  const body = Buffer.from(json);
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(length ?? BigInt(body.length));
  return Buffer.concat([start, body]);
}

const tensor = (begin: number, end: number, shape: unknown = [end - begin], dtype: unknown = 'U8') => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe('safetensors header', () => {
  const codes = (bytes: Uint8Array, data = 16): readonly string[] =>
    parseSafetensorsHeader(bytes, bytes.length + data).problems.map(({ code }) => code);

  it('gives dtype, shape and place', () => {
    const bytes = headerBytes(JSON.stringify({ __metadata__: { format: 'pt' }, a: tensor(0, 16, [2, 4], 'BF16') }));
    const header = parseSafetensorsHeader(bytes, bytes.length + 16);
    assert.deepEqual(header.tensors, [{ name: 'a', dtype: 'BF16', shape: [2, 4], begin: 0, end: 16 }]);
    assert.deepEqual([header.dataStart, header.metadata, header.problems], [bytes.length, { format: 'pt' }, []]);
  });

  it('may be padded with spaces', () => {
    assert.deepEqual(codes(headerBytes(`${JSON.stringify({ a: tensor(0, 16) })}    `)), []);
  });

  const rows: readonly (readonly [what: string, bytes: Uint8Array, code: string])[] = [
    ['nothing', new Uint8Array(0), 'header-beyond-file'],
    ['a length of 2^63', headerBytes('{}', 2n ** 63n), 'header-too-long'],
    ['a length of 2^64 - 1', headerBytes('{}', 2n ** 64n - 1n), 'header-too-long'],
    ['a length over the limit', headerBytes('{}', BigInt(longestHeader) + 1n), 'header-too-long'],
    ['a length beyond the file', headerBytes('{}', 100n), 'header-beyond-file'],
    ['bytes that are no text', headerBytes(new Uint8Array([123, 34, 0xff, 0xfe, 34, 58, 49, 125])), 'not-utf8'],
    ['half an object', headerBytes('{"a": '), 'not-json'],
    ['a list', headerBytes('[]'), 'not-json'],
    ['deep nesting', headerBytes('{"a":'.repeat(50) + '1' + '}'.repeat(50)), 'nesting'],
    [
      'a name twice',
      headerBytes(`{"a":${JSON.stringify(tensor(0, 8))},"a":${JSON.stringify(tensor(8, 16))}}`),
      'duplicate-name',
    ],
    ['an entry that is no object', headerBytes('{"a": 3}'), 'bad-tensor'],
    ['no dtype', headerBytes(JSON.stringify({ a: { shape: [16], data_offsets: [0, 16] } })), 'bad-tensor'],
    ['a negative size', headerBytes(JSON.stringify({ a: tensor(0, 16, [-16]) })), 'bad-tensor'],
    ['a fraction of a size', headerBytes(JSON.stringify({ a: tensor(0, 16, [1.5]) })), 'bad-tensor'],
    ['a dtype of no format', headerBytes(JSON.stringify({ a: tensor(0, 16, [16], 'U7') })), 'unknown-dtype'],
    ['negative offsets', headerBytes(JSON.stringify({ a: tensor(-8, 8, [16]) })), 'offsets-out-of-range'],
    ['offsets the wrong way round', headerBytes(JSON.stringify({ a: tensor(8, 0, [8]) })), 'offsets-out-of-range'],
    ['offsets beyond the data', headerBytes(JSON.stringify({ a: tensor(0, 17) })), 'offsets-out-of-range'],
    [
      'offsets beyond exact numbers',
      headerBytes('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1e300]}}'),
      'offsets-out-of-range',
    ],
    ['overlapping tensors', headerBytes(JSON.stringify({ a: tensor(0, 10), b: tensor(6, 16) })), 'offsets-overlap'],
    ['a shape that needs other bytes', headerBytes(JSON.stringify({ a: tensor(0, 16, [16], 'F32') })), 'size-mismatch'],
    ['bytes of no tensor', headerBytes(JSON.stringify({ a: tensor(0, 8) })), 'unused-bytes'],
  ];
  for (const [what, bytes, code] of rows) {
    it(`${what}: ${code}`, () => {
      assert.ok(
        codes(bytes, bytes.length === 0 ? 100 : 16).includes(code) ||
          (bytes.length === 0 && codes(bytes)[0] === 'too-short'),
      );
    });
  }

  it('100 MB of brackets take under a second', () => {
    const bytes = headerBytes(Buffer.alloc(longestHeader, '['));
    const began = performance.now();
    assert.deepEqual(codes(bytes), ['nesting']);
    assert.ok(performance.now() - began < 3000);
  });

  it('5,000 damaged headers never throw', () => {
    const good = headerBytes(
      JSON.stringify({ a: tensor(0, 8), b: tensor(8, 16, [2, 2], 'F16'), __metadata__: { x: 'y' } }),
    );
    let state = 1;
    const draw = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return state % below;
    };
    for (let round = 0; round < 5000; round++) {
      const bytes = Buffer.from(good);
      for (let change = 0; change <= draw(6); change++) bytes[draw(bytes.length)] = draw(256);
      const cut = bytes.subarray(0, draw(4) === 0 ? draw(bytes.length) : bytes.length);
      const header = parseSafetensorsHeader(cut, cut.length + draw(32));
      for (const { begin, end } of header.tensors) assert.ok(begin >= 0 && end >= begin);
    }
  });
});

describe('checkpoints on disk', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'checkpoint-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  /** A file with `bytes` of data that takes no space on disk. */
  function write(path: string, tensors: Readonly<Record<string, object>>, bytes: number): void {
    const header = headerBytes(JSON.stringify(tensors));
    const file = openSync(path, 'w');
    writeSync(file, header);
    ftruncateSync(file, header.length + bytes);
    closeSync(file);
  }
  const index = (map: Readonly<Record<string, string>>, total: number): void => {
    writeFileSync(
      join(folder, 'model.safetensors.index.json'),
      JSON.stringify({ metadata: { total_size: total }, weight_map: map }),
    );
  };

  it('one file: absolute offsets', async () => {
    write(join(folder, 'model.safetensors'), { a: tensor(0, 8), b: tensor(8, 16) }, 16);
    const checkpoint = await openCheckpoint(folder);
    const start = (checkpoint.files[0]?.size ?? 0) - 16;
    assert.deepEqual(checkpoint.problems, []);
    assert.deepEqual(
      checkpoint.tensors.map(({ name, offset, length }) => [name, offset, length]),
      [
        ['a', start, 8],
        ['b', start + 8, 8],
      ],
    );
  });

  it('500 GB in 200 shards cost a few hundred KB', async () => {
    const map: Record<string, string> = {};
    const each = 2_500_000_000;
    for (let shard = 0; shard < 200; shard++) {
      const name = `model-${String(shard + 1).padStart(5, '0')}-of-00200.safetensors`;
      const one = `model.layers.${shard}.mlp.down_proj.weight`;
      map[one] = name;
      write(join(folder, name), { [one]: tensor(0, each, [each / 2 / 1000, 1000], 'BF16') }, each);
    }
    index(map, 200 * each);
    const checkpoint = await openCheckpoint(folder);
    assert.deepEqual(checkpoint.problems, []);
    assert.equal(checkpoint.tensors.length, 200);
    assert.ok(checkpoint.bytesRead < 1_000_000, `${checkpoint.bytesRead} bytes`);
  });

  it('takes one file for one shard, and limits the headers of all shards together', async () => {
    const names = ['a', 'b', 'c', 'd'].map((name) => `${name}.safetensors`);
    const [first = '', second = '', third = '', fourth = ''] = names;
    write(join(folder, first), { a: tensor(0, 8) }, 8);
    linkSync(join(folder, first), join(folder, second));
    symlinkSync(first, join(folder, third));
    write(join(folder, fourth), { d: tensor(0, 8) }, 8);
    index({ a: first, b: second, c: third, d: fourth }, 16);
    const { tensors, problems, bytesRead } = await openCheckpoint(folder);
    assert.deepEqual(
      tensors.map(({ name }) => name),
      ['a', 'd'],
    );
    const same = problems.filter(({ code }) => code === 'shard-unreadable').map(({ message }) => message);
    assert.deepEqual(
      same,
      [second, third].map((name) => `${name} is the same file as ${first}, and a file is only one shard of a model.`),
    );
    assert.ok(bytesRead > 0);
    const tight = await openCheckpoint(folder, { bytes: 100 });
    assert.equal(tight.tensors.length, 1);
    assert.match(
      tight.problems.map(({ message }) => message).join(' '),
      /[ad]\.safetensors: The headers of all shards have more than 256000000 bytes, and its own is not read\./,
    );
  });

  it('names what shards and index disagree on', async () => {
    write(join(folder, 'one.safetensors'), { a: tensor(0, 8), b: tensor(8, 16) }, 16);
    write(join(folder, 'two.safetensors'), { b: tensor(0, 8) }, 8);
    index({ a: 'one.safetensors', b: 'two.safetensors', c: 'two.safetensors', d: 'three.safetensors' }, 24);
    const { problems } = await openCheckpoint(folder);
    assert.deepEqual(
      problems.map(({ code, tensor: name, file }) => [code, name ?? file]),
      [
        ['duplicate-tensor', 'b'],
        ['shard-missing', 'three.safetensors'],
        ['not-in-shard', 'c'],
      ],
    );
  });

  it('a truncated shard is a problem, and the others are read', async () => {
    write(join(folder, 'one.safetensors'), { a: tensor(0, 8) }, 8);
    write(join(folder, 'two.safetensors'), { b: tensor(0, 800) }, 10);
    index({ a: 'one.safetensors', b: 'two.safetensors' }, 808);
    const { problems, tensors } = await openCheckpoint(folder);
    assert.deepEqual(
      tensors.map(({ name }) => name),
      ['a'],
    );
    assert.ok(problems.some(({ code, file }) => code === 'offsets-out-of-range' && file === 'two.safetensors'));
  });

  it('an empty folder has no weights', async () => {
    assert.deepEqual(
      (await openCheckpoint(folder)).problems.map(({ code }) => code),
      ['no-weights'],
    );
  });

  it('a shard outside the folder is not read', async () => {
    const model = join(folder, 'model');
    mkdirSync(model);
    write(join(folder, 'secret.safetensors'), { a: tensor(0, 8) }, 8);
    writeFileSync(
      join(model, 'model.safetensors.index.json'),
      JSON.stringify({ weight_map: { a: '../secret.safetensors' } }),
    );
    const { problems, tensors } = await openCheckpoint(model);
    assert.deepEqual([tensors.length, problems.map(({ code }) => code)], [0, ['outside-folder']]);
  });

  it('a pipe is refused instead of waited for', async function () {
    if (process.platform === 'win32') return;
    const pipe = join(folder, 'model.safetensors');
    execFileSync('mkfifo', [pipe]);
    const read = await readSafetensorsHeader(pipe);
    assert.equal(read.ok ? '' : read.code, 'not-a-file');
  });

  describe('links', () => {
    it('within the folder are followed', async () => {
      writeFileSync(join(folder, 'real'), '');
      symlinkSync('real', join(folder, 'link'));
      assert.equal((await resolveInside(folder, 'link')).ok, true);
    });

    it('out of the folder are refused', async () => {
      const model = join(folder, 'model');
      mkdirSync(model);
      writeFileSync(join(folder, 'secret'), '');
      symlinkSync(join(folder, 'secret'), join(model, 'link'));
      const found = await resolveInside(model, 'link');
      assert.equal(found.ok ? '' : found.code, 'outside-folder');
    });

    it('into the blobs of the same Hugging Face cache are followed, elsewhere not', async () => {
      const repository = join(folder, 'models--org--name');
      const snapshot = join(repository, 'snapshots', 'abc');
      mkdirSync(snapshot, { recursive: true });
      mkdirSync(join(repository, 'blobs'));
      mkdirSync(join(folder, 'models--other--name', 'blobs'), { recursive: true });
      writeFileSync(join(repository, 'blobs', 'f00d'), '');
      writeFileSync(join(folder, 'models--other--name', 'blobs', 'f00d'), '');
      symlinkSync('../../blobs/f00d', join(snapshot, 'model.safetensors'));
      symlinkSync('../../../models--other--name/blobs/f00d', join(snapshot, 'other.safetensors'));
      assert.equal((await resolveInside(snapshot, 'model.safetensors')).ok, true);
      assert.equal((await resolveInside(snapshot, 'other.safetensors')).ok, false);
    });

    for (const name of ['../x', '/etc/hostname', 'a/../../x', '..', 'x\0y']) {
      it(`the name ${JSON.stringify(name)} is refused`, async () => {
        const found = await resolveInside(folder, name);
        assert.equal(found.ok ? '' : found.code, 'outside-folder');
      });
    }
  });
});
