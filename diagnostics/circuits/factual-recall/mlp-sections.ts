/** What explains the MLPs, and what their intercepts do. */
import type { ChartSection, SectionSeries } from '../../../protocol/sections/chart';
import type { Section } from '../../../protocol/sections/section';
import type { TableSection } from '../../../protocol/sections/table';
import { shownToken } from '../../../protocol/wire/token-name';
import { mostGained } from './finding';
import { additions } from './function-test';
import type { MlpFound, RecallResult } from './result';
import * as build from '../../../protocol/sections/builders';

export const mlpSections = (result: Partial<RecallResult>): readonly Section[] => {
  const { mlps = [], toTopic } = result;
  if (mlps.length === 0 || !toTopic) return [];
  return [weightsSection(mlps, toTopic), fitSection(result, mlps), interceptSection(mlps), ...functionSections(result)];
};

function weightsSection(mlps: readonly MlpFound[], shape: NonNullable<RecallResult['toTopic']>) {
  const table = ({ weights }: MlpFound) =>
    shape.map((row, layer) =>
      row.map((_, head) => weights.find((one) => one.layer === layer && one.head === head)?.weight ?? Number.NaN),
    );
  const first = mostGained(mlps);
  const ordered = first ? [first, ...mlps.filter((one) => one !== first)] : mlps;
  const most = Math.max(1, ...mlps.flatMap(({ weights }) => weights.map(({ weight }) => Math.abs(weight))));
  return build.heads(
    'weights',
    'Step 2: what each MLP does with the output of each head',
    'One grid an MLP, first the one that single heads explain best. Near -1 the MLP erases what the head wrote, above 0 it amplifies it, near 0 it lets it pass.',
    ordered.map((mlp) =>
      build.scaled(
        { kind: 'diverging', max: most },
        `mlp-${mlp.layer}`,
        `Weight in the MLP of layer ${mlp.layer}`,
        'w of the least squares m ~ sum over heads of w times what the head wrote, plus w times the rest of the stream, plus an intercept that all prompts share; over the prompts of the fit and all dimensions.',
        table(mlp),
      ),
    ),
  );
}

function fitSection({ heldBy, fitted, held }: Partial<RecallResult>, mlps: readonly MlpFound[]) {
  const fit = `1 - |m - fit|² / |m - mean m|² over the prompts of the fit (${fitted ?? 0})`;
  const other = `The same on ${held ?? 0} held-out prompts (${heldBy === 'template' ? 'other templates' : 'drawn at random'}), against the mean of the prompts of the fit`;
  return build.table(
    'fit',
    'Step 2: how well heads explain the MLPs',
    'R² of centred outputs: an intercept alone explains nothing. Where single heads explain more than all heads together, on held-out prompts too, the MLP treats heads differently.',
    mlps,
    [
      build.text('mlp', 'MLP', (one) => `L${one.layer}`),
      build.number('r2', 'R², head by head', `${fit}.`, (one) => one.r2),
      build.number('heldR2', 'held out', `${other}.`, (one) => one.heldR2),
      build.number(
        'summedR2',
        'R², heads summed',
        `${fit}, with the sum of all heads of the window as one regressor.`,
        (one) => one.summedR2,
      ),
      build.number(
        'summedHeldR2',
        'held out ',
        `${other}, with the sum of all heads of the window as one regressor.`,
        (one) => one.summedHeldR2,
      ),
      build.number('summedWeight', 'w of the sum', 'Weight of the sum of all heads.', (one) => one.summedWeight),
      build.number(
        'streamR2',
        'R², stream',
        `${fit}, with the whole stream before the MLP as one regressor.`,
        (one) => one.streamR2,
      ),
      build.number(
        'streamHeldR2',
        'held out  ',
        `${other}, with the whole stream as one regressor.`,
        (one) => one.streamHeldR2,
      ),
      build.number(
        'rest',
        'w of the rest',
        'Weight of the stream without the heads of the window, beside single heads.',
        (one) => one.rest,
      ),
      build.number(
        'condition',
        'Condition number',
        'Largest over smallest eigenvalue of the matrix of products of the regressors. Weights of a badly conditioned fit (1e6 and more) stand for sums of heads, not for single ones; none where the matrix is singular.',
        (one) => one.condition,
      ),
    ],
  );
}

function interceptSection(mlps: readonly MlpFound[]) {
  return build.table(
    'intercepts',
    'Step 3: what the MLPs add for the task',
    'c is the part of the output that all prompts share (the task); m - Σ w a is that and what the MLP adds for the fact itself.',
    mlps,
    [
      build.text('mlp', 'MLP', ({ layer }) => `L${layer}`),
      build.number(
        'share',
        'Length of c',
        'Over the mean length of the outputs of the MLP.',
        ({ interceptShare }) => interceptShare,
      ),
      build.number(
        'intercept',
        'c to the answers',
        'Cosine of c with the mean direction of all answers less that of all tokens.',
        ({ directions }) => directions?.intercept,
      ),
      build.number(
        'own',
        'm - Σ w a to its answer',
        "Mean over held-out prompts of the cosine with the direction of the prompt's own answer less that of all tokens.",
        ({ directions }) => directions?.own,
      ),
      build.number(
        'other',
        'to another answer',
        'The same with the answer of another fact: what any answer has.',
        ({ directions }) => directions?.other,
      ),
      build.text('top', 'Top tokens of c', ({ top }) => top.map(({ token }) => shownToken(token)).join(' ')),
    ],
  );
}

const titles = {
  intercept: 'c of the MLP',
  residue: "m - Σ w a of the fact's own prompts",
  random: 'a random direction of the length of c',
} as const;

function functionSections({ tried = [], bare }: Partial<RecallResult>): readonly Section[] {
  if (tried.length === 0 || !bare) return [];
  const layers = [...new Set(tried.flatMap(({ layer }) => layer ?? []))];
  const alphas = [...new Set(tried.map(({ alpha }) => alpha))];
  const best = (layer: number, addition: string) =>
    tried
      .filter((one) => one.layer === layer && one.addition === addition)
      .reduce((least, one) => (one.rank < least.rank ? one : least));
  const series = additions.map((addition): SectionSeries =>
    build.points(
      addition,
      titles[addition],
      layers.map((layer, x) => {
        const { rank, low, high, alpha } = best(layer, addition);
        return { x, y: rank, low, high, label: `MLP of layer ${layer}, alpha ${alpha}` };
      }),
    ),
  );
  const chart: ChartSection = build.chart(
    'function',
    'Step 3: does it work as a function?',
    `alpha times a direction is added to the stream behind each layer, where the model reads the bare topic (${bare.topics} topics); of ${alphas.length === 1 ? 'alpha' : 'the alphas'} ${alphas.join(', ')} the one with the lowest median rank is drawn for each. The own residue has seen the answer; the random direction has not.`,
    build.categoryAxis('added behind layer', layers.map(String)),
    build.logAxis('rank of the answer', 'log10', '', { min: 1 }),
    series,
    {
      references: [{ label: 'nothing added', from: [0, bare.rank], to: [Math.max(1, layers.length - 1), bare.rank] }],
      interval: 'median and quartiles over topics',
    },
  );
  const table: TableSection = build.cellTable(
    'function-table',
    'Function test, all strengths',
    '',
    [
      build.text('layer', 'Behind'),
      build.text('added', 'Added'),
      build.text('alpha', 'alpha'),
      build.number('rank', 'Rank of the answer', 'Median over topics; 1 is first.'),
      build.number('low', 'Lower quartile', 'Over topics.'),
      build.number('high', 'Upper quartile', 'Over topics.'),
      build.number(
        'first',
        'First among the answers',
        'Share of topics whose answer is first among the answers of the task.',
      ),
    ],
    [
      ['', 'nothing', '', bare.rank, bare.low, bare.high, bare.first],
      ...tried.map(({ layer, addition, alpha, rank, low, high, first }) => [
        layer === undefined ? '' : `L${layer}`,
        titles[addition as keyof typeof titles],
        String(alpha),
        rank,
        low,
        high,
        first,
      ]),
    ],
  );
  return [chart, table];
}
