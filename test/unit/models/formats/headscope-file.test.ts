import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
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

  it('is not read where it is a link out of the repository', async () => {
    const refusal = { ok: false, message: 'It is a link out of the repository and is not read.' };
    write('outside.json', '{"severity": {}}');
    const own = join(root, 'repository/models/one/.headscope.json');
    symlinkSync(join(root, 'outside.json'), own);
    assert.deepEqual(await findHeadscopeFile(join(root, 'repository/models/one')), { ...refusal, path: own });
    // Within the repository a link may lead to another folder.
    rmSync(own);
    write('repository/shared.json', '{"severity": {}}');
    symlinkSync('../../shared.json', own);
    assert.equal((await findHeadscopeFile(join(root, 'repository/models/one')))?.ok, true);
    // Where there is no repository, the folder of the file is the border.
    for (const name of ['other', 'elsewhere']) mkdirSync(join(root, 'loose', name), { recursive: true });
    write('loose/other/.headscope.json', '{}');
    symlinkSync('other/.headscope.json', join(root, 'loose/.headscope.json'));
    assert.equal((await findHeadscopeFile(join(root, 'loose')))?.ok, true);
    symlinkSync('../other/.headscope.json', join(root, 'loose/elsewhere/.headscope.json'));
    assert.equal((await findHeadscopeFile(join(root, 'loose/elsewhere')))?.ok, false);
  });
});
