/** Names in files and folders reach no terminal as characters that steer it, whatever the command. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shortDemoLm } from '../../support/demo-models';

const hostile = '\u001b]0;owned\u0007\u001b[2J\u009b31m\u202e';
const steers = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

interface Run {
  readonly words: readonly string[];
  readonly printed: string;
}

describe('what the commands print', function () {
  this.timeout(180_000);
  let root: string;
  let folder: string;

  before(() => {
    root = mkdtempSync(join(tmpdir(), 'terminal-'));
    folder = join(root, process.platform === 'win32' ? 'model' : `model ${hostile}`);
    cpSync(shortDemoLm, folder, { recursive: true });
    const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as Record<string, unknown>;
    writeFileSync(
      join(folder, 'config.json'),
      JSON.stringify({ ...config, architectures: [hostile], torch_dtype: hostile, rope_scaling: { type: hostile } }),
    );
    const sound = join(root, `sound ${hostile}`.replace(process.platform === 'win32' ? hostile : '\0', ''));
    cpSync(shortDemoLm, sound, { recursive: true });
    const vocab = Object.fromEntries(Array.from({ length: 1280 }, (_, id) => [`${hostile}${id}`, id]));
    writeFileSync(
      join(sound, 'tokenizer.json'),
      JSON.stringify({
        version: '1.0',
        added_tokens: [],
        normalizer: null,
        pre_tokenizer: { type: 'WhitespaceSplit' },
        post_processor: null,
        decoder: null,
        model: {
          type: 'WordPiece',
          unk_token: `${hostile}0`,
          continuing_subword_prefix: '##',
          max_input_chars_per_word: 100,
          vocab,
        },
      }),
    );
    mkdirSync(join(root, 'truth'));
    writeFileSync(join(root, 'truth', 'captions.json'), JSON.stringify([{ image: hostile, caption: hostile }]));
    writeFileSync(join(root, 'truth', 'truth.json'), JSON.stringify({ [hostile]: [hostile] }));
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  const run = (...words: readonly string[]): Run => {
    const child = spawnSync(process.execPath, [join('dist', 'cli.js'), ...words], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    return { words, printed: child.stdout + child.stderr };
  };

  it('shows such characters and sends none', () => {
    const sound = join(root, `sound ${process.platform === 'win32' ? '' : hostile}`);
    const captions = join(root, 'truth', 'captions.json');
    const truth = join(root, 'truth', 'truth.json');
    const runs = [
      run('inspect', folder),
      run('inspect', sound, '--json', '-'),
      run('check', folder),
      run('check', folder, '--format', 'json'),
      run('check', folder, '--format', 'sarif'),
      run('check', join(folder, 'missing')),
      run('generate', folder, '--prompt', 'the'),
      run('generate', sound, '--ids', '5,6,7', '--max-new-tokens', '3'),
      run('heads', sound, '--ids', '5,6,7', '--no-classify'),
      run('map', sound, '--ids', '5,6,7', '--layer', '1', '--head', '2'),
      run('vhd', sound, '--ids', '5,6,7,8,9', '--span', '1:3', '--steps', '2'),
      run('chair', '--captions', captions, '--truth', truth),
      run('pope', '--answers', captions),
      run(hostile),
    ];
    for (const { words, printed } of runs) {
      assert.notEqual(printed, '', words.join(' '));
      const found = steers.exec(printed);
      assert.equal(
        found,
        null,
        `headscope ${words[0]}: ${JSON.stringify(printed.slice(Math.max(0, (found?.index ?? 0) - 80)))}`,
      );
    }
    // They are shown, not left out.
    const shown = runs.filter(({ printed }) => printed.includes('\\u001b]0;owned\\u0007'));
    assert.ok(shown.length >= 8, `${shown.length} of ${runs.length} show the name`);
  });
});
