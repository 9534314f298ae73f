/** `headscope pope MODEL`: the request, and its answer as a table. */
import { resolve } from 'node:path';
import {
  popeSplits,
  questionPlace,
  type PopeFigures,
  type PopeReading,
  type PopeResult,
  type PopeShare,
  type PopeSplit,
} from '../../protocol/results/pope';
import { popeOfAnalysis } from '../../protocol/compute/pope-of-analysis';
import { analysed } from './analysis-run';
import { interventionsFrom, type InterventionOptions } from './intervention-options';
import { changeCell, changeTitle } from './change-table';
import { exitCodes, wrongUsage } from './exit-codes';
import { environmentOf, type PromptOptions } from './model-options';
import { sayChatPrompt, sayNotes } from './model-provenance';
import { picturesFrom, sampleFrom, samplesOf, saySample, type SampleOptions } from './picture-folder';
import type { CommandSession } from './session';
import { textTable } from './table';

export interface PopeModelOptions
  extends SampleOptions, InterventionOptions, Pick<PromptOptions, 'threads' | 'memoryLimit'> {
  readonly images?: string;
  readonly truth?: string;
  readonly prompt: string;
  readonly chat?: boolean;
  readonly split?: readonly PopeSplit[];
  readonly readBy: PopeReading;
  readonly maxNewTokens: number;
  readonly alpha?: number;
  readonly vhrLayers: 'auto' | readonly number[];
  readonly json?: string;
}

export async function askModel(session: CommandSession, model: string, options: PopeModelOptions): Promise<void> {
  const { images, truth, prompt, readBy, maxNewTokens, seed } = options;
  if (images === undefined || truth === undefined) {
    throw wrongUsage(
      'The model is asked about pictures. Give their folder with --images and what they hold with --truth.',
    );
  }
  const pictures = await picturesFrom({
    images,
    truth,
    ...(options.limit === undefined ? {} : { limit: options.limit }),
  });
  if (!prompt.includes(questionPlace)) {
    throw wrongUsage(`The prompt has no place for the question. Write ${questionPlace} where it belongs.`);
  }
  const splits = options.split ?? popeSplits;
  const chat = options.chat ?? false;
  const client = session.compute(environmentOf(options));
  const folder = resolve(model);
  const text = { kind: 'text', text: prompt, chat } as const;
  const placed = await client.call('promptForPictures', [folder, text], { signal: session.signal });
  sayChatPrompt(session, placed);
  const { alpha, vhrLayers, limit = 0 } = options;
  if (alpha === undefined && vhrLayers !== 'auto') {
    throw wrongUsage('--vhr-layers belongs to --alpha. Add the factor, or leave it out.');
  }
  // Three objects that are there, and three that are not, of which the splits share some.
  const questions = 3 * (1 + splits.length);
  const able = pictures.filter((picture) => new Set(picture.truth).size >= 3);
  // Most answers are a word or two.
  const tokens = Math.min(maxNewTokens, 3);
  const time = { folder, prompt: text, maxNewTokens: tokens, reinforced: alpha === undefined ? 0 : 1, measured: false };
  if (able.length > 0)
    await saySample(session, client, options, able, time, {
      texts: questions,
      least: 'for answers of a word or two about',
    });
  const sample = sampleFrom(options);
  const interventions = await interventionsFrom(options, () =>
    client.call('openModel', [folder], { signal: session.signal }),
  );
  const analysis = await analysed(session, client, {
    analysis: 'pope',
    folder,
    input: { kind: 'image-set', folder: resolve(images), prompt: text, samples: samplesOf(options) },
    parameters: {
      truth: resolve(truth),
      splits: splits.join(),
      readBy,
      tokens: maxNewTokens,
      ...(alpha === undefined ? {} : { reinforce: true, alpha }),
      layers: vhrLayers === 'auto' ? 'auto' : vhrLayers.join(),
      first: limit,
    },
    interventions,
    seed,
  });
  const { chatPrompt } = placed;
  const result = popeOfAnalysis(analysis, { ...(chatPrompt ? { chatPrompt } : {}), drawn: sample !== undefined });
  for (const { name, why } of result.failures) session.note(`${name}: ${why}`);
  sayNotes(session, result.model);
  if (options.json !== '-') session.print(inWords(result));
  if (options.json !== undefined) await session.writeJson(options.json, result);
  if (result.state === 'cancelled') {
    session.exitCode = exitCodes.cancelled;
    session.note(
      `Stopped after ${result.pictures} of ${result.total} pictures; run the same command again to continue.`,
    );
  } else if (result.pictures === 0) {
    session.exitCode = exitCodes.failed;
    session.note('No picture was asked about. The lines above say why, picture by picture.');
  }
}

function inWords({ splits, reinforcement, pictures, sample, answers, readBy }: PopeResult): string {
  const alpha = reinforcement?.alpha;
  const row = (split: string, factor: number, figures: PopeFigures): string[] => [
    split,
    String(factor),
    String(figures.questions),
    ...[figures.accuracy, figures.precision, figures.recall, figures.f1, figures.yesRatio].map(share),
    String(figures.unclear),
  ];
  const table = textTable(
    ['split', 'alpha', 'questions', 'accuracy %', 'precision %', 'recall %', 'F1 %', 'yes %', 'unclear'],
    splits.flatMap(({ split, plain, reinforced }) => [
      row(split, 1, plain),
      ...(reinforced && alpha !== undefined ? [row(split, alpha, reinforced)] : []),
    ]),
    [1, 2, 8],
  );
  const changed = changeWords(splits);
  const drawn = sample && sample.count < sample.of ? ` of ${sample.of}, drawn by seed ${sample.seed}` : '';
  const unclear = answers.filter(({ plain }) => !plain.clear).length;
  const odd =
    unclear === 0 || readBy === 'logits'
      ? ''
      : `\n${unclear} of ${answers.length} answers begin with neither yes nor no; the published rule reads them, mostly as yes (--read-by logits compares the two).`;
  return `${table}${changed}\n\n${pictures} pictures${drawn}; intervals of 95 % over pictures.${odd}`;
}

/** Empty without reinforcement; otherwise begins with a blank line. */
function changeWords(splits: PopeResult['splits']): string {
  const changes = splits.flatMap(({ split, change }) =>
    change ? [{ split, of: [change.accuracy, change.f1, change.yesRatio] }] : [],
  );
  if (changes.length === 0) return '';
  if (changes.every(({ of }) => of.every((one) => one === null))) {
    return '\n\nReinforcement changed the answers about fewer than six pictures: too few for an interval.';
  }
  const rows = changes.map(({ split, of }) => [split, ...of.map(changeCell)]);
  return `\n\n${changeTitle}\n${textTable(['split', 'accuracy', 'F1', 'yes'], rows)}`;
}

/** `96.7 (91.2 to 98.8)`. */
const share = (of: PopeShare | null): string => {
  if (!of) return '–';
  const percent = (value: number): string => (100 * value).toFixed(1);
  return `${percent(of.value)} (${percent(of.low)} to ${percent(of.high)})`;
};
