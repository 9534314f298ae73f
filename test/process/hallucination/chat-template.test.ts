/** A picture and a text without an image token: the chat template places it, in every command that takes pictures, and it is said. */
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import type { Registration } from '../../../compute-server/cli/registration';
import type { CommandSession } from '../../../compute-server/cli/session';
import { tinyLlava, tinyPixels, writePng, writeProcessor } from '../../support/checkpoints/tiny-vision';
import { writeTinyModel } from '../../support/checkpoints/tiny-models';
import { writeVisionTokenizer } from '../../support/checkpoints/tokenizers';
import { buildServer, Place } from '../model/support/model-server';

const commandFolder = join(__dirname, '..', '..', '..', 'compute-server', 'cli', 'commands');

/** Names of the commands that give a model a picture or a folder of them, from their own registrations. */
async function commandsWithPictures(): Promise<readonly string[]> {
  const program = new Command();
  for (const file of readdirSync(commandFolder)) {
    const exported = (await import(join(commandFolder, file))) as Record<string, unknown>;
    for (const register of Object.values(exported)) {
      // Some modules export what other commands use; a registration takes the program and the session.
      if (typeof register === 'function' && register.length === 2)
        (register as Registration)(program, {} as CommandSession);
    }
  }
  return (
    program.commands
      // One takes a picture without a prompt, and no model; the other reads its prompt by the code of `run`.
      .filter((command) => !['module', 'convert'].includes(command.name()))
      .filter(({ options }) => options.some(({ long }) => long === '--image' || long === '--images'))
      .map((command) => command.name())
      .sort()
  );
}

describe('a prompt without an image token', () => {
  const tiny = tinyLlava();
  const template =
    "{% for m in messages %}{% for part in m['content'] %}{% if part['type'] == 'image' %}b<image>\n{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endfor %}";
  /** b, the picture, a newline, a. */
  const ids = [2, ...Array<number>(9).fill(60), 4, 1];
  let place: Place;
  let [picture, truth, withTemplate, without] = ['', '', '', ''];
  before(async function () {
    this.timeout(60_000);
    await buildServer();
    place = new Place();
    withTemplate = place.at('with-template');
    without = place.at('without');
    for (const [folder, config] of [
      [withTemplate, { chat_template: template }],
      [without, {}],
    ] as const) {
      writeTinyModel(folder, tiny);
      writeProcessor(folder, tiny);
      writeVisionTokenizer(folder, config);
    }
    picture = writePng(place.at('a.png'), tinyPixels(20, 14));
    truth = place.at('truth.json');
    writeFileSync(truth, JSON.stringify({ 'a.png': ['a', 'b', 'ab'], 'none.png': ['ba', 'aa', 'bb'] }));
  });
  after(() => place.remove());

  const one = (): string[] => ['--image', picture];
  const many = (): string[] => ['--images', place.folder, '--truth', truth];
  const words: Readonly<Record<string, () => readonly string[]>> = {
    captions: () => [...many(), '--prompt', 'a', '--max-new-tokens', '2'],
    generate: () => [...one(), '--prompt', 'a', '--max-new-tokens', '1'],
    heads: () => [...one(), '--prompt', 'a', '--no-classify'],
    map: () => [...one(), '--prompt', 'a', '--layer', '0', '--head', '0'],
    pope: () => [...many(), '--prompt', 'a{question}', '--split', 'random', '--max-new-tokens', '1'],
    'run divergence': () => [...one(), '--prompt', 'a', '--param', 'tokens=1'],
    vhd: () => [...one(), '--prompt', 'a', '--steps', '1'],
  };

  it('is tried here with every command that takes pictures', async () => {
    const tried = Object.keys(words).map((command) => command.split(' ')[0]);
    assert.deepEqual(await commandsWithPictures(), tried.sort());
  });

  for (const [command, given] of Object.entries(words)) {
    it(`headscope ${command}: goes through the chat template, says so on stderr and in the result`, async function () {
      this.timeout(60_000);
      const run = (folder: string, more: readonly string[] = []) =>
        place.headscope([...command.split(' '), folder, ...given(), ...more, '--json', '-']);
      const [done, refused] = await Promise.all([run(withTemplate), run(without)]);
      assert.equal(done.code, 0, done.stderr);
      const rendered = `b<image>\n${command === 'pope' ? 'a{question}' : 'a'}`;
      const said = `The prompt has no image token, so it went through the chat template of the model: ${JSON.stringify(rendered)}.`;
      assert.equal(done.stderr.split('\n').filter((line) => line === said).length, 1, done.stderr);
      const written = JSON.parse(done.stdout) as Record<string, unknown>;
      const [result = written] = (written['prompts'] ?? []) as Record<string, unknown>[];
      assert.deepEqual(result['chatPrompt'], { text: rendered, why: 'no-image-token' });
      const read = result['ids'] ?? result['promptIds'];
      if (command === 'heads' || command === 'map' || command === 'vhd' || command.startsWith('run'))
        assert.deepEqual(read, ids);
      if (command === 'generate') assert.deepEqual(result['promptIds'], ids);
      assert.equal(refused.code, 2, refused.stderr);
      assert.equal(refused.stdout, '');
      assert.match(
        refused.stderr,
        /^The request is not valid: The prompt has no image token, and the model has no chat template that would place one\. Write <image> where the picture belongs\.\n$/,
      );
    });
  }

  it('asked for, the template is used as well, and nothing is said of it', async function () {
    this.timeout(60_000);
    const asked = await place.headscope(['vhd', withTemplate, ...(words['vhd']?.() ?? []), '--chat', '--json', '-']);
    assert.equal(asked.code, 0, asked.stderr);
    assert.equal(asked.stderr, '');
    const { chatPrompt, settings } = JSON.parse(asked.stdout) as { chatPrompt: unknown; settings: { chat: unknown } };
    assert.equal(settings.chat, true);
    assert.deepEqual(chatPrompt, { text: 'b<image>\na', why: 'asked' });
  });

  it('a template that places no image is refused, with the next step', async function () {
    this.timeout(60_000);
    const silent = place.at('silent');
    writeTinyModel(silent, tiny);
    writeProcessor(silent, tiny);
    writeVisionTokenizer(silent, { chat_template: 'ab' });
    const { code, stderr } = await place.headscope(['vhd', silent, ...(words['vhd']?.() ?? [])]);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /chat template of the model places no image token\. Write <image> where the picture belongs, without/,
    );
  });

  it('the prompt of a picture, and that of a folder, say what is read', async () => {
    const client = place.client();
    const text = { kind: 'text', text: 'a' } as const;
    const opened = await client.call('tokenise', [withTemplate, { ...text, image: picture }]);
    const placed = await client.call('promptForPictures', [withTemplate, text]);
    for (const { chatPrompt } of [opened, placed]) {
      assert.deepEqual(chatPrompt, { text: 'b<image>\na', why: 'no-image-token' });
    }
    const written = await client.call('promptForPictures', [withTemplate, { kind: 'text', text: 'a<image>b' }]);
    assert.equal(written.chatPrompt, undefined);
  });
});
