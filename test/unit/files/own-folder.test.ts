/** What Headscope deletes, and what it leaves alone, in folders of its own and of a person. */
import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { entriesOf, hashName, OwnFolder, prune } from '../../../files/own-folder';
import {
  createFolder,
  createTemporary,
  dropFile,
  dropFolder,
  nameFolder,
  moveProven,
  removeProven,
  removeTemporary,
  type Form,
} from '../../../files/remove';
import { writeInOneStep } from '../../../files/write-file';

const form: Form = { folders: { names: hashName, hold: { files: /^[0-9a-f]{24}\.step$/ } } };
const name = (digit: string): string => digit.repeat(24);

describe('folders that Headscope deletes from', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'headscope-own-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const entry = (folder: string, digit: string, file = `${name('e')}.step`, age = 0): string => {
    const path = join(folder, name(digit));
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, file), 'x');
    const at = new Date(Date.now() - 1000 * age);
    utimesSync(path, at, at);
    return path;
  };
  const own = async (): Promise<OwnFolder> => {
    const folder = new OwnFolder(root, 'kept', form);
    await folder.make();
    return folder;
  };

  it('carry a mark, which backup programs know', async () => {
    const { path } = await own();
    // The signature is that of https://bford.info/cachedir/.
    assert.match(
      readFileSync(join(path, 'CACHEDIR.TAG'), 'utf8'),
      /^Signature: 8a477f597d28d172789f06886806bc55\n.*Headscope/,
    );
    await (await own()).make();
  });

  it('are no folder of that name that a person has', async () => {
    mkdirSync(join(root, 'kept'));
    writeFileSync(join(root, 'kept', 'mine.txt'), '');
    await assert.rejects(own, /holds files that are not Headscope's/);
    assert.deepEqual(readdirSync(join(root, 'kept')), ['mine.txt']);
    assert.equal(await new OwnFolder(root, 'kept', form).remove('mine.txt'), false);
  });

  it('lose the oldest entries alone: nothing of another form, and no link', async () => {
    const folder = await own();
    for (const [at, digit] of ['1', '2', '3', '4'].entries()) entry(folder.path, digit, undefined, 10 * (4 - at));
    entry(folder.path, '5', 'notes.txt', 100);
    mkdirSync(join(folder.path, 'mine'));
    entry(root, '9', 'thesis.tex');
    symlinkSync(join(root, name('9')), join(folder.path, name('6')));
    symlinkSync(
      join(root, name('9'), 'thesis.tex'),
      join(entry(folder.path, '7', undefined, 200), `${name('a')}.step`),
    );
    await prune(folder, { kept: 2, inUse: name('1'), others: [] });
    const left = readdirSync(folder.path).sort();
    assert.deepEqual(left, [name('1'), name('3'), name('4'), name('5'), name('6'), name('7'), 'CACHEDIR.TAG', 'mine']);
    assert.equal(readFileSync(join(root, name('9'), 'thesis.tex'), 'utf8'), 'x');
  });

  it('lose entries sooner where others count, which stay', async () => {
    const folder = await own();
    for (const digit of ['1', '2']) entry(folder.path, digit, undefined, 100);
    for (const digit of ['3', '4']) entry(root, digit);
    await prune(folder, { kept: 2, inUse: name('1'), others: await entriesOf(root, form) });
    assert.deepEqual(readdirSync(folder.path).sort(), [name('1'), 'CACHEDIR.TAG']);
    assert.ok(existsSync(join(root, name('3'))) && existsSync(join(root, name('4'))));
  });

  it('lose what a killed process was writing, with its entry', async () => {
    const folder = await own();
    writeFileSync(join(entry(folder.path, '1'), '.headscope-0123456789abcdef.tmp'), 'half');
    assert.equal(await folder.remove(name('1')), true);
    assert.equal(existsSync(join(folder.path, name('1'))), false);
  });

  it('are temporary folders of any process of Headscope, and no folder of such a name', async () => {
    const made = await createTemporary(join(root, 'headscope-weights-1-'));
    writeFileSync(join(made, 'weights.bin'), '');
    const other = join(root, 'headscope-weights-2-notes');
    mkdirSync(other);
    writeFileSync(join(other, 'weights.bin'), '');
    assert.deepEqual([await removeTemporary(made), await removeTemporary(other)], [true, false]);
    assert.deepEqual(readdirSync(root), ['headscope-weights-2-notes']);
  });

  it('a process drops only what it has made itself', async () => {
    writeFileSync(join(root, 'mine'), '');
    await assert.rejects(dropFile(join(root, 'mine')), /was not made by this process/);
    await assert.rejects(dropFolder(root), /was not made by this process/);
    await assert.rejects(nameFolder(root, `${root}-moved`), /was not made by this process/);
    const made = await createFolder(join(root, '.new-'));
    writeFileSync(join(made, 'part'), '');
    await nameFolder(made, join(root, 'new'));
    await assert.rejects(dropFolder(join(root, 'new')), /was not made by this process/);
    assert.deepEqual(readdirSync(root).sort(), ['mine', 'new']);
  });

  it('a file outside of them goes only where its content is of Headscope, and never a link', async () => {
    const isOurs = (content: Buffer): boolean => content.toString() === 'ours';
    writeFileSync(join(root, 'theirs'), 'theirs');
    writeFileSync(join(root, 'ours'), 'ours');
    symlinkSync('ours', join(root, 'link'));
    for (const one of ['theirs', 'link', 'ours', 'none']) await removeProven(join(root, one), isOurs);
    assert.deepEqual(readdirSync(root).sort(), ['link', 'theirs']);
    writeFileSync(join(root, 'ours'), 'ours');
    assert.equal(await moveProven(join(root, 'ours'), join(root, 'theirs'), isOurs), false, 'onto no other file');
    assert.equal(await moveProven(join(root, 'theirs'), join(root, 'moved'), isOurs), false);
    assert.equal(await moveProven(join(root, 'link'), join(root, 'moved'), isOurs), false);
    assert.equal(await moveProven(join(root, 'ours'), join(root, 'moved'), isOurs), true);
    assert.deepEqual(readdirSync(root).sort(), ['link', 'moved', 'theirs']);
    assert.equal(readFileSync(join(root, 'theirs'), 'utf8'), 'theirs');
  });
});

describe('a file written in one step', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'headscope-write-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('takes the place of a link that came meanwhile, and leaves what it leads to', async () => {
    writeFileSync(join(root, 'secret'), 'secret');
    symlinkSync('secret', join(root, 'config.json'));
    await writeInOneStep(join(root, 'config.json'), 'fixed');
    assert.equal(readFileSync(join(root, 'secret'), 'utf8'), 'secret');
    assert.ok(lstatSync(join(root, 'config.json')).isFile());
    assert.equal(readFileSync(join(root, 'config.json'), 'utf8'), 'fixed');
    assert.deepEqual(readdirSync(root).sort(), ['config.json', 'secret']);
  });
});
