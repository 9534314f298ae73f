/** headscope heads: what every head of a model does on a prompt. */
import type { Command } from 'commander';
import { isCapture } from '../../../protocol/wire/capture-name';
import { namedKeysOf, type NamedKeys } from '../../../protocol/inputs/named-keys';
import { wrongUsage } from '../exit-codes';
import { collect, whole } from '../options';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { demoPrompt } from '../../../protocol/inputs/demo-prompt';
import { gainsAlone } from '../../../protocol/interventions/gains';
import { analysisOfHeads, headsOfAnalysis } from '../../../protocol/compute/heads-of-analysis';
import { headLabelsFile } from '../../../protocol/results/head-labels';
import type { CrossHeads, CrossStatisticName } from '../../../protocol/results/cross-heads';
import type { HeadsResult } from '../../../protocol/results/heads-schema';
import { readoutWords } from '../../../protocol/results/readout';
import { parityWords } from '../../../protocol/results/parity-words';
import {
  addEncoderOptions,
  addPromptOptions,
  environmentOf,
  inputFrom,
  isPrompted,
  type EncoderOptions,
  type PromptOptions,
} from '../model-options';
import { interventionsFrom } from '../intervention-options';
import { analysed, analysisWords, saySources } from '../analysis-run';
import { modelPath } from '../model-path';
import { jsonOption, OutputOption } from '../output-options';
import type { Registration } from '../registration';
import { textTable } from '../table';

interface HeadsOptions extends PromptOptions, EncoderOptions, GroupOptions {
  readonly chunk?: number;
  readonly classify: boolean;
  readonly causal?: boolean;
  readonly seed: number;
  readonly labels?: string;
  readonly json?: string;
}

export const heads: Registration = (program, session) => {
  addGroupOption(
    addEncoderOptions(
      addPromptOptions(
        program
          .command('heads')
          .description('Measure and label what every head of a local model does on a prompt.')
          .argument(
            '[model]',
            'a model folder, a .gguf file or captured attention (default: the demo model, with a demo prompt)',
          ),
      ),
    ),
  )
    .option('--chunk <n>', 'queries computed at once (default: chosen by the memory limit)', whole(1, 1 << 16))
    .option('--no-classify', 'statistics only, no labels')
    .option('--causal', 'remove each labelled head and report how the loss changes')
    .option('--seed <n>', 'seed of the random sequences that labels are measured on', whole(0, 2 ** 32 - 1), 0)
    .addOption(new OutputOption('--labels <file>', 'write the labels as heads.json', 'result'))
    .addOption(jsonOption())
    .action(async (model: string | undefined, options: HeadsOptions) => {
      if (options.causal && !options.classify) {
        throw wrongUsage('--causal removes the labelled heads, and --no-classify labels none. Leave one of them out.');
      }
      const given = isPrompted(options) || options.image !== undefined;
      const client = session.compute(environmentOf(options));
      const folder = model === undefined ? demoModel() : await modelPath(model);
      const captured = isCapture(folder);
      if (captured && options.labels !== undefined) {
        throw wrongUsage(
          'Labels of captured attention are in its result. Write it with --json, and leave --labels out.',
        );
      }
      const request = {
        folder,
        prompt:
          model === undefined && !given
            ? ({ kind: 'text', text: demoPrompt } as const)
            : await inputFrom(options, folder),
        interventions: await interventionsFrom(options, () =>
          client.call('openModel', [folder], { signal: session.signal }),
        ),
        groups: groupsFrom(options),
        ...(options.chunk === undefined ? {} : { chunk: options.chunk }),
        classify: options.classify,
        causal: options.causal ?? false,
        thumbnails: false,
        seed: options.seed,
      };
      const analysis = await analysed(session, client, analysisOfHeads(request));
      saySources(session, analysis);
      // Without a model there is no parity, which every result of `heads` has: it is written as one of its analysis.
      if (captured) {
        if (options.json !== undefined) await session.writeJson(options.json, analysis);
        if (options.json !== '-') session.print(analysisWords(analysis));
        return;
      }
      const result = headsOfAnalysis(analysis);
      if (options.labels !== undefined) await session.writeJson(options.labels, headLabelsFile(result));
      if (options.json !== undefined) await session.writeJson(options.json, printed(result));
      if (options.json !== '-') session.print(inWords(result));
    });
};

/** Beside the bundle in a checkout and in an installed extension. */
function demoModel(): string {
  const found = [join(__dirname, '..', 'examples', 'models', 'demo-lm')].find((folder) => existsSync(folder));
  if (found === undefined) throw wrongUsage('The demo model is not installed here. Name a model folder.');
  return found;
}

/** Scripts read `gains`; where something else was changed too they alone would mislead. */
const printed = ({ gains: _, ...result }: ReturnType<typeof headsOfAnalysis>) => ({
  ...result,
  ...gainsAlone(result.interventions),
});

function inWords(result: ReturnType<typeof headsOfAnalysis>): string {
  const { encoder, cross } = result;
  if (!encoder || !cross) return [wordsOfStack(result), ...effectiveWords(result)].join('\n\n');
  const ofEncoder = {
    ...result,
    ...encoder,
    tokens: encoder.texts,
    ids: result.source?.ids ?? [],
    layers: encoder.statistics.selfToken.length,
  };
  return [
    `Decoder. ${wordsOfStack(result)}`,
    `Encoder. ${wordsOfStack(ofEncoder)}`,
    `Cross-attention.\n\n${crossTable(cross)}`,
  ].join('\n\n');
}

/** What heads of recurrences do, in a table of its own: no number of it is of probabilities. */
function effectiveWords({ effective }: ReturnType<typeof headsOfAnalysis>): readonly string[] {
  if (!effective) return [];
  const { sum, size, negative, distance, why } = effective;
  if (why !== undefined) return [why];
  const rows = sum.flatMap((row, layer) =>
    row.map((_, head) => [
      `L${layer}H${head}`,
      ...[sum, size, negative, distance].map((table) => inDigits(table[layer]?.[head])),
    ]),
  );
  const columns = ['head', 'sum of a row', 'size of a row', 'share below 0', 'mean distance (tokens)'];
  return ['Effective attention of recurrences:', textTable(columns, rows)];
}

function crossTable({ statistics, classes }: CrossHeads): string {
  const at = (name: CrossStatisticName, layer: number, head: number): string =>
    inDigits(statistics[name]?.[layer]?.[head]);
  const rows = (statistics.largest ?? []).flatMap((row, layer) =>
    row.map((_, head) => [
      `L${layer}H${head}`,
      classes
        .filter((one) => one.layer === layer && one.head === head)
        .map(({ label }) => label)
        .join(', '),
      ...(['largest', 'diagonal', 'firstToken', 'lastToken'] as const).map((name) => at(name, layer, head)),
    ]),
  );
  return textTable(['head', 'label', 'largest share', 'diagonal', 'first token', 'last token'], rows);
}

function wordsOfStack(result: HeadsResult): string {
  const { classes, statistics, parity } = result;
  const labels = classes.map(({ layer, head, label, score, null: none, causal }) => [
    `L${layer}H${head}`,
    label,
    score.toFixed(3),
    `${none.mean.toFixed(3)} ± ${none.floor === undefined ? none.sd.toFixed(3) : `below ${none.floor}`}`,
    causal?.alreadyOff ? 'already off' : signed(causal?.lossChange),
    signed(causal?.promptLossChange),
  ]);
  const together = (result.classAblations ?? []).map(({ label, heads, lossChange, promptLossChange, alreadyOff }) => [
    label,
    `${heads}${alreadyOff ? `, ${alreadyOff} already off` : ''}`,
    signed(lossChange),
    signed(promptLossChange),
  ]);
  const said = readoutWords(result.readout, result.tokens)
    .map((words) => `${words} `)
    .join('');
  // Layers may have different numbers of heads, and those of a recurrence have no label.
  const measured = result.statistics.selfToken.reduce((sum, heads) => sum + heads.length, 0);
  const count = new Set(classes.map(({ layer, head }) => `${layer}.${head}`)).size;
  const labelled =
    measured === 0
      ? 'No layer has attention, so no head has a label'
      : `${count} of ${measured} heads ${count === 1 ? 'has' : 'have'} a label on ${result.ids.length} ${result.ids.length === 1 ? 'token' : 'tokens'}`;
  const first = `${said}${labelled}. ${parityWords(parity, (error) => String(Number(error.toPrecision(2))))}.`;
  if (labels.length > 0) {
    const unit = result.interventions.length > 0 ? 'nats, on top of the interventions' : 'nats';
    const alone = textTable(
      ['head', 'label', 'score', 'null', `loss change without (${unit})`, 'on the prompt'],
      labels,
    );
    const all = textTable(['label', 'heads', `loss change without all (${unit})`, 'on the prompt'], together);
    return [first, alone, ...(together.length > 0 ? [all] : [])].join('\n\n');
  }
  const rows = statistics.previousToken.flatMap((row, layer) =>
    row.map((value, head) => [
      `L${layer}H${head}`,
      inDigits(value),
      inDigits(statistics.firstToken[layer]?.[head]),
      inDigits(statistics.entropy[layer]?.[head]),
    ]),
  );
  if (measured === 0) return first;
  return `${first}\n\n${textTable(['head', 'previous token', 'first token', 'entropy (nats)'], rows)}`;
}

/** Change of a loss; nothing where it was not asked for or could not be measured. */
const signed = (change: number | undefined): string =>
  change === undefined || Number.isNaN(change) ? '' : `${change >= 0 ? '+' : ''}${change.toFixed(3)}`;

/** A dash where the prompt has no query that counts. */
const inDigits = (value: number | undefined): string =>
  value === undefined || Number.isNaN(value) ? '–' : value.toFixed(3);

export interface GroupOptions {
  readonly group?: readonly string[];
}

export const addGroupOption = (command: Command): Command =>
  command.option(
    '--group <name=FROM-TO>',
    'measure the mass on the keys FROM to TO, both counted, e.g. name=3-9; may be given several times',
    collect,
  );

export const groupsFrom = ({ group = [] }: GroupOptions): readonly NamedKeys[] =>
  group.map((text) => {
    const keys = namedKeysOf(text);
    if (keys) return keys;
    throw wrongUsage(`"${text}" is not a group of keys. Write name=from-to, e.g. needle=3-9 for the keys 3 to 9.`);
  });
