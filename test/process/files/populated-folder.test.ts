/**
 * Every command, on a folder that is full of a person's files: whatever it does, they are as they were. The commands, and what of
 * their words names a file or a folder, are those of the command line itself, so that a new one is asked too.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommanderError, type Argument, type Command } from 'commander';
import { commandErrorOf } from '../../../compute-server/cli/exit-codes';
import { lookAtOutputs, OutputOption, takesPath } from '../../../compute-server/cli/output-options';
import { headscopeProgram } from '../../../compute-server/cli/program';
import { CommandSession } from '../../../compute-server/cli/session';
import { runCheck } from '../../../language-server/command-line/check-command';
import type { ComputeClient } from '../../../protocol/compute/client';
import { shortDemoLm } from '../../support/demo-models';
import { patience } from '../../support/patience';
import { buildServer, Place } from '../model/support/model-server';

/** A command line in this process, with the compute servers of the test, that prints nothing. */
class QuietSession extends CommandSession {
  private readonly client: (environment: Readonly<Record<string, string>>) => ComputeClient;

  constructor(client: (environment: Readonly<Record<string, string>>) => ComputeClient) {
    super();
    this.client = client;
  }

  override compute(environment: Readonly<Record<string, string>> = {}): ComputeClient {
    return this.client(environment);
  }

  override print(): void {}
  override note(): void {}
  override progress(): void {}

  override async writeJson(...[target, result, form]: Parameters<CommandSession['writeJson']>): Promise<void> {
    if (target !== '-') await super.writeJson(target, result, form);
  }
}

const hex = (digit: string, length = 24): string => digit.repeat(length);
const ago = (minutes: number): Date => new Date(Date.UTC(2026, 0, 1) - 60_000 * minutes);

/** Names and contents like those of Headscope's, and none of them written by it. */
function populate(folder: string): void {
  const put = (name: string, content = `mine: ${name}`): void => {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), content);
  };
  for (const name of [
    'notes.txt',
    'thesis (final).tex',
    '.hidden',
    'model.safetensors.new',
    'roof-cpu-auto-0123456789ab.json',
    'CACHEDIR.TAG',
    `${hex('a')}.step`,
    hex('b'),
    'experiments/mine.txt',
    'headscope-steps-of-mine/notes.txt',
    'weights/paper/figure.txt',
  ]) {
    put(name);
  }
  for (const digit of '0123456789abcd') {
    put(`${hex(digit)}1/notes.txt`);
    put(`${digit}${hex(digit, 23)}0`);
    put(`folder ${digit}/${hex(digit)}.step`);
    // These look like what Headscope keeps, down to the names.
    put(`unfinished/${hex(digit)}`);
    put(`unfinished/${hex(digit)}.captions.jsonl`);
    put(`unfinished-analyses/${hex(digit)}/${hex('e')}.step`);
    mkdirSync(join(folder, `${hex('f', 23)}${digit}`));
    put(`${hex('f', 23)}${digit}/${hex(digit)}.step`);
    put(`weights/${hex(digit)}/${hex(digit, 16)}/weights.bin`);
    truncateSync(join(folder, `weights/${hex(digit)}/${hex(digit, 16)}/weights.bin`), 4e6);
  }
  put('config.json', '{"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4, "dtype": "float16"}');
  put('results.json', '{"rows": [1, 2, 3]}');
  symlinkSync('notes.txt', join(folder, 'link.json'));
  symlinkSync('nowhere', join(folder, 'dangling.json'));
  symlinkSync('weights', join(folder, hex('c')));
  cpSync(shortDemoLm, join(folder, 'model'), { recursive: true });
  // What is oldest is deleted first.
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!lstatSync(join(folder, name)).isSymbolicLink()) utimesSync(join(folder, name), ago(1), ago(1));
  }
}

/** Everything in a folder but what Headscope has made for itself: kind, content, and time of change of what is no folder. */
function treeOf(folder: string, below = ''): readonly string[] {
  return readdirSync(join(folder, below)).flatMap((name) => {
    const path = join(below, name);
    const about = lstatSync(join(folder, path));
    if (about.isSymbolicLink()) return [`${path} -> ${readlinkSync(join(folder, path))} ${about.mtimeMs}`];
    if (about.isDirectory()) return isOwn(join(folder, path), below) ? [] : [`${path}/`, ...treeOf(folder, path)];
    if (!about.isFile()) return [`${path} is no file`];
    const hash = createHash('sha256')
      .update(readFileSync(join(folder, path)))
      .digest('hex');
    return [`${path} ${about.size} ${hash} ${about.mtimeMs}`];
  });
}

/** A folder of Headscope's, by its mark and at its place. */
const isOwn = (path: string, below: string): boolean =>
  below === '' &&
  existsSync(join(path, 'CACHEDIR.TAG')) &&
  readFileSync(join(path, 'CACHEDIR.TAG'), 'utf8').includes('Headscope keeps here');

/** Every command that does something, with its words. */
const leaves = (command: Command, words: readonly string[] = []): readonly (readonly [readonly string[], Command])[] =>
  command.commands.length === 0
    ? [[words, command]]
    : command.commands.flatMap((sub) => leaves(sub, [...words, sub.name()]));

/** Values of arguments that are no path. Another name of an argument fails until it stands here, or among the paths. */
const values: Readonly<Record<string, string>> = {
  analysis: 'direct-logit-attribution',
  method: 'amp',
  module: 'cbam',
  format: 'table',
  task: 'induction',
};
/** Arguments that name a file or a folder. */
const paths: Readonly<Record<string, string>> = {
  model: 'model',
  plan: 'results.json',
  file: 'notes.txt',
  sweep: 'notes.txt',
  paths: 'model',
};

describe('every command leaves the files of a person as they are', function () {
  this.timeout(patience(120_000));
  let place: Place;
  let folder: string;
  let tree: readonly string[];
  let session: QuietSession;
  const clients = new Map<string, ComputeClient>();

  const commands = leaves(headscopeProgram(new CommandSession()));

  before(async () => {
    await buildServer();
    place = new Place();
    folder = mkdtempSync(join(tmpdir(), 'headscope-populated-'));
    populate(folder);
    tree = treeOf(folder);
    session = new QuietSession((environment) => {
      const key = JSON.stringify(environment);
      const client = clients.get(key) ?? place.client({}, { HEADSCOPE_CACHE_DIR: folder, ...environment });
      clients.set(key, client);
      return client;
    });
  });
  after(() => {
    place.remove();
    rmSync(folder, { recursive: true, force: true });
  });
  const law = (name: string, act: () => Promise<void>): void => {
    it(name, async () => {
      await act();
      assert.deepEqual(treeOf(folder), tree);
    });
  };

  const at = (name: string): string => join(folder, name);

  /** The exit code and the sentence of a refusal; undefined where the command did what it was asked. */
  const asked = async (words: readonly string[]): Promise<readonly [code: number, sentence: string] | undefined> => {
    if (words[0] === 'check') return checked(words.slice(1));
    const program = lookAtOutputs(headscopeProgram(session), session);
    for (const [, command] of [[[], program] as const, ...leaves(program)]) {
      command.exitOverride().configureOutput({ writeOut: () => {}, writeErr: () => {} });
    }
    try {
      await program.parseAsync(words, { from: 'user' });
      return undefined;
    } catch (error) {
      if (error instanceof CommanderError) return [2, error.message];
      const { exitCode, message } = commandErrorOf(error);
      return [exitCode, message];
    }
  };
  const checked = async (words: readonly string[]): Promise<readonly [number, string] | undefined> => {
    let said = '';
    const code = await runCheck(
      words,
      () => {},
      (text) => (said += text),
    );
    return code === 0 ? undefined : [code, said];
  };

  const argumentOf = (argument: Argument): string => {
    const name = argument.name();
    const path = paths[name];
    const value = values[name] ?? (path === undefined ? undefined : at(path));
    assert.ok(value !== undefined, `say in this file what stands for the argument ${name}`);
    return value;
  };
  /** What a command cannot do without, beside `but`. */
  const least = (command: Command, but?: string): readonly string[] => [
    ...command.registeredArguments.map(argumentOf),
    ...command.options
      .filter((option) => option.mandatory && option.long !== but)
      .flatMap((option) => [
        option.long ?? '',
        option instanceof OutputOption ? at('out.json') : takesPath(option) ? at('results.json') : '0',
      ]),
  ];

  it('finds all of them, and what they write', () => {
    const names = commands.map(([words]) => words.join(' '));
    for (const name of ['heads', 'plan derive', 'plan export', 'setup cuda', 'check', 'convert']) {
      assert.ok(names.includes(name), name);
    }
    const outputs = commands.flatMap(([, command]) => command.options.filter((one) => one instanceof OutputOption));
    assert.ok(outputs.length >= 25, `${outputs.length}`);
    // An option that writes a file and is no OutputOption would be asked by nobody.
    const writing = commands.flatMap(([words, command]) =>
      command.options
        .filter(
          (one) => takesPath(one) && !(one instanceof OutputOption) && /\bwrite|-o,/.test(one.description + one.flags),
        )
        .map((one) => `${words.join(' ')} ${one.flags}`),
    );
    // A file or a folder of tables, and the folder of a new checkpoint, which tests below ask.
    assert.deepEqual(writing, ['results export -o, --output <file or folder>', 'convert -o, --output <folder>']);
  });

  for (const [words, command] of commands) {
    const name = words.join(' ');
    const outputs = command.options.filter((option) => option instanceof OutputOption);
    const inputs = command.options.filter((option) => takesPath(option) && !(option instanceof OutputOption));
    if (outputs.length > 0) {
      law(`${name}: refuses to write over them, before anything else`, async () => {
        for (const option of outputs) {
          for (const target of ['config.json', 'results.json', 'link.json', 'dangling.json', 'weights', hex('b')]) {
            const value = option.long === '--field' ? `circuit=${at(target)}` : at(target);
            const refused = await asked([...words, ...least(command, option.long), option.long ?? '', value]);
            assert.equal(refused?.[0], 2, `${option.flags} ${target}: ${refused?.[1]}`);
            assert.match(refused?.[1] ?? '', /was not written\. It is/);
          }
        }
      });
    }
    if (inputs.length > 0) {
      law(`${name}: reads them, and no more`, async () => {
        for (const option of inputs) {
          const chosen = option.long === '--output' ? 'weights' : option.long === '--resume' ? '.' : 'notes.txt';
          await asked([...words, ...least(command, option.long), option.long ?? '', at(chosen)]);
        }
      });
    }
  }

  law('runs that keep what they have made use folders of their own beside them', async () => {
    const prompt = ['--prompt', 'the cat sat on the mat and the cat'];
    const model = at('model');
    const heads = ['heads', model, ...prompt, '--no-classify'];
    assert.equal(await asked(heads), undefined);
    for (const format of ['q8', 'q4']) {
      assert.equal(await asked([...heads, '--weights', format, '--cache-weights', '60MB']), undefined);
    }
    const ablation = ['run', 'ablation', model, ...prompt, '--resume', folder];
    assert.equal(await asked(ablation), undefined);
    for (const own of ['headscope-weights', 'headscope-steps']) {
      assert.ok(isOwn(at(own), ''), own);
    }
  });

  law('an export replaces no file of theirs, alone or in a folder', async () => {
    const mine = mkdtempSync(join(tmpdir(), 'headscope-exported-'));
    try {
      const saved = join(mine, 'heads.json');
      assert.equal(
        await asked(['heads', at('model'), '--prompt', 'the cat sat on the mat', '--json', saved]),
        undefined,
      );
      const exported = async (output: string, format: string) =>
        asked(['results', 'export', saved, '--format', format, '-o', output]);
      for (const target of ['config.json', 'notes.txt', 'link.json', 'dangling.json', hex('b')]) {
        for (const format of ['npz', 'csv']) {
          const refused = await exported(at(target), format);
          assert.equal(refused?.[0], 2, `${target} ${format}: ${refused?.[1]}`);
        }
      }
      const tables = join(mine, 'tables');
      assert.equal(await exported(tables, 'csv'), undefined);
      const [first] = readdirSync(tables);
      assert.ok(first !== undefined);
      writeFileSync(join(tables, first), 'mine');
      const refused = await exported(tables, 'csv');
      assert.equal(refused?.[0], 2);
      assert.match(refused?.[1] ?? '', /was not written\. It is/);
      assert.equal(readFileSync(join(tables, first), 'utf8'), 'mine');
    } finally {
      rmSync(mine, { recursive: true, force: true });
    }
  });

  law('a conversion writes into no folder of theirs, and through no link', async () => {
    const words = ['convert', 'amp', at('model'), '--prompt', 'the cat sat on the mat', '-o'];
    for (const target of ['weights', hex('c'), 'dangling.json', 'notes.txt']) {
      const refused = await asked([...words, at(target)]);
      assert.equal(refused?.[0], 2, `${target}: ${refused?.[1]}`);
    }
  });

  law('an experiment writes into no folder of theirs', async () => {
    const refused = await asked(['run', 'toy-bags', '--param', `folder=${at('weights')}`]);
    assert.equal(refused?.[0], 2);
    assert.match(refused?.[1] ?? '', /holds other files/);
  });
});
