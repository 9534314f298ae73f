/** Every command in the documents is one that the command line takes: read by the real program, without a run. */
import assert from 'node:assert/strict';
import { CommanderError, type Command } from 'commander';
import { parametersFrom } from '../../../compute-server/cli/commands/bench-parameters';
import { writtenForms, type InterventionOptions } from '../../../compute-server/cli/intervention-options';
import { groupsFrom, type GroupOptions } from '../../../compute-server/cli/commands/heads';
import { headscopeProgram } from '../../../compute-server/cli/program';
import type { CommandSession } from '../../../compute-server/cli/session';
import { namedValues } from '../../../compute-server/cli/task-options';
import { analyses, experiments } from '../../../diagnostics/catalogue';
import { tasks } from '../../../diagnostics/tasks/catalogue';
import { catalogue } from '../../../kernels/catalogue';
import { moduleCatalogue } from '../../../kernels/module-catalogue';
import { resolveTable, type ParameterTable } from '../../../protocol/analysis/parameters';
import { isCodeFile } from '../../../protocol/inputs/own-file';
import { isTaskFile } from '../../../protocol/analysis/tasks';
import { parseEach } from '../../../protocol/interventions/do-form';
import { planFormats } from '../../../protocol/plans/formats/formats';
import { commandsIn, interventionsIn, shellWords, type ShownCommand } from '../../support/documents/commands';
import { readText, trackedFiles } from '../../support/repository-files';

/** `MODEL`, `TASK`, `<name>`: what a reader puts something in for. */
const isPlaceholder = (word: string): boolean => /^<.*>$|^[A-Z]+…?$/.test(word);

/** Commands of sentences that name one without all that it needs. */
const leftOut = new Set([
  'commander.missingArgument',
  'commander.missingMandatoryOptionValue',
  'commander.optionMissingArgument',
]);

/** What a command was given, as its action gets it. */
interface Given {
  /** With those of its parents: `plan derive`. */
  readonly name: string;
  readonly words: readonly string[];
  readonly options: Options;
}

interface Options extends InterventionOptions, GroupOptions {
  readonly param?: readonly string[];
  readonly task?: string;
  readonly taskParam?: readonly string[];
  readonly mechanisms?: readonly string[];
  readonly system?: string;
}

/** The real program, whose commands say what they were given and run nothing. Files that a command names may be there already. */
async function read(words: readonly string[]): Promise<Given> {
  let given: Given | undefined;
  const program = headscopeProgram({} as CommandSession);
  const silent = (command: Command, path: readonly string[]): void => {
    command.exitOverride().configureOutput({ writeOut: () => {}, writeErr: () => {} });
    command.action(() => {
      given = { name: path.join(' '), words: command.args, options: command.opts<Options>() };
    });
    for (const inner of command.commands) silent(inner, [...path, inner.name()]);
  };
  for (const command of program.commands) silent(command, [command.name()]);
  program.configureOutput({ writeOut: () => {}, writeErr: () => {} });
  await program.parseAsync(['--force', ...words], { from: 'user' });
  assert.ok(given);
  return given;
}

function checkValues(owner: string, table: ParameterTable, texts: readonly string[] = []): void {
  // Behind `name=` a reader may put a file or a number of their own.
  const known = texts.filter((text) => !isPlaceholder(text.slice(text.indexOf('=') + 1)));
  const resolved = resolveTable(owner, table, namedValues(owner, table, known));
  assert.ok(resolved.ok, resolved.ok ? '' : resolved.why);
}

function named<T extends { readonly id: string }>(
  what: string,
  list: readonly T[],
  id: string | undefined,
): T | undefined {
  if (id === undefined || isPlaceholder(id)) return undefined;
  const found = list.find((one) => one.id === id);
  assert.ok(found, `there is no ${what} "${id}"`);
  return found;
}

/** Counts of demo-lm. */
const counts = { layers: 6, heads: 6, kvHeads: 3 };

function checkForm(text: string): void {
  const parsed = parseEach(text, counts);
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.why);
}

const analysisOf: Readonly<Record<string, (words: readonly string[]) => string | undefined>> = {
  run: ([id]) => id,
  convert: ([id]) => id,
  'plan derive': ([id]) => id,
  'plan evaluate': () => 'plan-evaluation',
};

/** `isOwn`: whether the document defines what it names, as an example. */
function checkGiven({ name, words, options }: Given, isOwn: (id: string) => boolean): void {
  const { param, task, taskParam, mechanisms = [], system } = options;
  writtenForms(options).forEach(checkForm);
  groupsFrom(options);
  const id = analysisOf[name]?.(words);
  const analysis = named(
    'analysis',
    [...analyses, ...experiments],
    id !== undefined && (isOwn(id) || isCodeFile(id)) ? undefined : id,
  );
  if (analysis) checkValues(analysis.id, analysis.parameters, param);
  const taskId = name === 'task' ? words[0] : task;
  if (taskId !== undefined && !isTaskFile(taskId)) {
    const found = named('task', tasks, taskId);
    if (found) checkValues(taskId, found.parameters, name === 'task' ? param : taskParam);
  }
  if (name === 'module') {
    const found = named('module', moduleCatalogue, words[0]);
    if (found) checkValues(found.id, found.parameters, param);
  }
  if (['bench', 'cab', 'mechanisms'].includes(name)) parametersFrom(param ?? []);
  for (const id of [...mechanisms, ...(system === undefined ? [] : [system])]) named('mechanism', catalogue, id);
  if (name === 'plan import')
    named(
      'form',
      planFormats.filter((format) => format.import),
      words[0],
    );
  if (name === 'plan export')
    named(
      'form',
      planFormats.filter((format) => format.export),
      words[1],
    );
}

/** Why it is refused; undefined where it is taken. */
async function refusal({ words, inline }: ShownCommand, document = ''): Promise<string | undefined> {
  try {
    checkGiven(await read(words), (id) => document.includes(`id: '${id}'`));
    return undefined;
  } catch (error) {
    if (error instanceof CommanderError && (error.exitCode === 0 || (inline && leftOut.has(error.code))))
      return undefined;
    return error instanceof Error ? error.message : String(error);
  }
}

describe('commands in the documents', () => {
  const documents = trackedFiles().filter((path) => path.endsWith('.md') && path !== 'CHANGELOG.md');
  const shown = documents.map((path) => ({ path, text: readText(path) ?? '' }));

  it('are taken by the command line', async () => {
    const commands = shown.flatMap(({ path, text }) => commandsIn(text).map((command) => ({ path, text, command })));
    assert.ok(commands.length > 300, `${commands.length} commands`);
    const refused: string[] = [];
    for (const { path, text, command } of commands) {
      const why = await refusal(command, text);
      if (why !== undefined) refused.push(`${path}: ${command.text}\n    ${why}`);
    }
    assert.equal(refused.join('\n'), '');
  });

  it('have no * outside of quotes in a block, which some shells take for files', () => {
    const bare = shown.flatMap(({ path, text }) =>
      commandsIn(text)
        .filter((command) => !command.inline && command.text.replace(/"[^"]*"|'[^']*'|#.*/g, '').includes('*'))
        .map((command) => `${path}: ${command.text}`),
    );
    assert.deepEqual(bare, []);
  });

  it('and so are interventions that are shown as options alone', () => {
    const forms = shown.flatMap(({ path, text }) => interventionsIn(text).map((form) => ({ path, form })));
    assert.ok(forms.length > 3, `${forms.length} forms`);
    // `gain:L.H=g` names the form itself.
    for (const { path, form } of forms.filter(({ form: text }) => !/:L\.H|…/.test(text)))
      assert.doesNotThrow(() => checkForm(form), `${path}: ${form}`);
  });

  it('are found in blocks and sentences, and refused where they are wrong', async () => {
    const found = (text: string): Promise<readonly string[]> =>
      Promise.all(
        commandsIn(text).map(
          async (command) =>
            `${command.words.join('|')}${command.inline ? ' inline' : ''}: ${(await refusal(command)) ?? 'taken'}`,
        ),
      );
    assert.deepEqual(shellWords(`run a --prompt "x \\"y\\" #1" --do 'gain:*.*=0' b=1 # why`), [
      ...['run', 'a', '--prompt', 'x "y" #1', '--do', 'gain:*.*=0', 'b=1'],
    ]);
    const block = [
      '```',
      '$ headscope run nothing MODEL',
      'npx headscope task induction \\',
      '  --param lengths=4 | head',
      '```',
    ].join('\n');
    assert.deepEqual(await found(block), [
      'run|nothing|MODEL: there is no analysis "nothing"',
      'task|induction|--param|lengths=4: induction has no parameter "lengths". It takes length, repeated.',
    ]);
    const sentence = 'Use `headscope heads\n--do gain:1=2` or `headscope map MODEL`, or `headscope bench --lenghts 5`.';
    assert.deepEqual(await found(sentence), [
      'heads|--do|gain:1=2 inline: "1=2" is no gain. Write gain:L.H=g, e.g. gain:2.5=0.',
      'map|MODEL inline: taken',
      "bench|--lenghts|5 inline: error: unknown option '--lenghts'\n(Did you mean --lengths?)",
    ]);
    assert.deepEqual(interventionsIn("`--do head:1.*=zero` and `--gain 2.5=0 --do 'mlp:4=mean:a b'`"), [
      ...['head:1.*=zero', 'gain:2.5=0', 'mlp:4=mean:a b'],
    ]);
  });
});
