import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findHeadscopeFile } from '../../../../models/formats/headscope-file';

describe('.headscope.json', () => {
  let root: string;
  const write = (name: string, text: string): void => writeFileSync(join(root, name), text);
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'headscope-file-'));
    mkdirSync(join(root, 'repository/.git'), { recursive: true });
    mkdirSync(join(root, 'repository/models/one'), { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('is the nearest one above a folder', async () => {
    write('repository/.headscope.json', '{"severity": {"key-twice": "off"}}');
    const far = await findHeadscopeFile(join(root, 'repository/models/one'));
    assert.deepEqual(far, {
      ok: true,
      path: join(root, 'repository/.headscope.json'),
      value: { severity: { 'key-twice': 'off' } },
    });
    write('repository/models/one/.headscope.json', '{}');
    const near = await findHeadscopeFile(join(root, 'repository/models/one'));
    assert.equal(near?.path, join(root, 'repository/models/one/.headscope.json'));
  });

  it('is not looked for above the repository', async () => {
    write('.headscope.json', '{}');
    assert.equal(await findHeadscopeFile(join(root, 'repository/models/one')), undefined);
  });

  it('that cannot be used is named with the reason', async () => {
    write('repository/.headscope.json', '{"severity": ');
    const broken = await findHeadscopeFile(join(root, 'repository'));
    assert.ok(broken?.ok === false && broken.message.startsWith('The file is not valid JSON'));
    write('repository/.headscope.json', '[]');
    const list = await findHeadscopeFile(join(root, 'repository'));
    assert.ok(list?.ok === false && list.message === 'It holds no JSON object.');
    rmSync(join(root, 'repository/.headscope.json'));
    mkdirSync(join(root, 'repository/.headscope.json'));
    const folder = await findHeadscopeFile(join(root, 'repository'));
    assert.ok(folder?.ok === false && folder.message === 'It is a folder, no regular file.');
  });
});
