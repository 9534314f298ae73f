/** What explains the MLPs, and what their intercepts do. */
import type { ChartSection, SectionSeries } from '../../../protocol/sections/chart';
import type { HeadsSection } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import type { TableSection } from '../../../protocol/sections/table';
import { shownToken } from '../../../protocol/wire/token-name';
import { cellOf, numberColumn as number } from '../../shared/sections/cell';
import { mostGained } from './finding';
import { additions } from './function-test';
import type { MlpFound, RecallResult } from './result';

export const mlpSections = (result: Partial<RecallResult>): readonly Section[] => {
  const { mlps = [], toTopic } = result;
  if (mlps.length === 0 || !toTopic) return [];
  return [weightsSection(mlps, toTopic), fitSection(result, mlps), interceptSection(mlps), ...functionSections(result)];
};

function weightsSection(mlps: readonly MlpFound[], shape: NonNullable<RecallResult['toTopic']>): HeadsSection {
  const table = ({ weights }: MlpFound) =>
    shape.map((row, layer) =>
      row.map((_, head) => weights.find((one) => one.layer === layer && one.head === head)?.weight ?? Number.NaN),
    );
  const first = mostGained(mlps);
  const ordered = first ? [first, ...mlps.filter((one) => one !== first)] : mlps;
  const most = Math.max(1, ...mlps.flatMap(({ weights }) => weights.map(({ weight }) => Math.abs(weight))));
  return {
    kind: 'heads',
    id: 'weights',
    title: 'Step 2: what each MLP does with the output of each head',
    caption:
      'One grid an MLP, first the one that single heads explain best. Near -1 the MLP erases what the head wrote, above 0 it amplifies it, near 0 it lets it pass.',
    numbers: ordered.map((mlp) => ({
      name: `mlp-${mlp.layer}`,
      title: `Weight in the MLP of layer ${mlp.layer}`,
      unit: '',
      definition:
        'w of the least squares m ~ sum over heads of w times what the head wrote, plus w times the rest of the stream, plus an intercept that all prompts share; over the prompts of the fit and all dimensions.',
      scale: { kind: 'diverging', max: most },
      values: table(mlp),
    })),
  };
}

function fitSection({ heldBy, fitted, held }: Partial<RecallResult>, mlps: readonly MlpFound[]): TableSection {
  const fit = `1 - |m - fit|² / |m - mean m|² over the prompts of the fit (${fitted ?? 0})`;
  const other = `The same on ${held ?? 0} held-out prompts (${heldBy === 'template' ? 'other templates' : 'drawn at random'}), against the mean of the prompts of the fit`;
  return {
    kind: 'table',
    id: 'fit',
    title: 'Step 2: how well heads explain the MLPs',
    caption:
      'R² of centred outputs: an intercept alone explains nothing. Where single heads explain more than all heads together, on held-out prompts too, the MLP treats heads differently.',
    columns: [
      { name: 'mlp', title: 'MLP', kind: 'text' },
      number('r2', 'R², head by head', `${fit}.`),
      number('heldR2', 'held out', `${other}.`),
      number('summedR2', 'R², heads summed', `${fit}, with the sum of all heads of the window as one regressor.`),
      number('summedHeldR2', 'held out ', `${other}, with the sum of all heads of the window as one regressor.`),
      number('summedWeight', 'w of the sum', 'Weight of the sum of all heads.'),
      number('streamR2', 'R², stream', `${fit}, with the whole stream before the MLP as one regressor.`),
      number('streamHeldR2', 'held out  ', `${other}, with the whole stream as one regressor.`),
      number('rest', 'w of the rest', 'Weight of the stream without the heads of the window, beside single heads.'),
      number(
        'condition',
        'Condition number',
        'Largest over smallest eigenvalue of the matrix of products of the regressors. Weights of a badly conditioned fit (1e6 and more) stand for sums of heads, not for single ones; none where the matrix is singular.',
      ),
    ],
    rows: mlps.map((one) => [
      `L${one.layer}`,
      cellOf(one.r2),
      cellOf(one.heldR2),
      cellOf(one.summedR2),
      cellOf(one.summedHeldR2),
      cellOf(one.summedWeight),
      cellOf(one.streamR2),
      cellOf(one.streamHeldR2),
      cellOf(one.rest),
      cellOf(one.condition),
    ]),
  };
}

function interceptSection(mlps: readonly MlpFound[]): TableSection {
  return {
    kind: 'table',
    id: 'intercepts',
    title: 'Step 3: what the MLPs add for the task',
    caption:
      'c is the part of the output that all prompts share (the task); m - Σ w a is that and what the MLP adds for the fact itself.',
    columns: [
      { name: 'mlp', title: 'MLP', kind: 'text' },
      number('share', 'Length of c', 'Over the mean length of the outputs of the MLP.'),
      number(
        'intercept',
        'c to the answers',
        'Cosine of c with the mean direction of all answers less that of all tokens.',
      ),
      number(
        'own',
        'm - Σ w a to its answer',
        "Mean over held-out prompts of the cosine with the direction of the prompt's own answer less that of all tokens.",
      ),
      number('other', 'to another answer', 'The same with the answer of another fact: what any answer has.'),
      { name: 'top', title: 'Top tokens of c', kind: 'text' },
    ],
    rows: mlps.map(({ layer, interceptShare, directions, top }) => [
      `L${layer}`,
      cellOf(interceptShare),
      cellOf(directions?.intercept),
      cellOf(directions?.own),
      cellOf(directions?.other),
      top.map(({ token }) => shownToken(token)).join(' '),
    ]),
  };
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
  const series = additions.map((addition): SectionSeries => ({
    id: addition,
    title: titles[addition],
    mark: 'points',
    points: layers.map((layer, x) => {
      const { rank, low, high, alpha } = best(layer, addition);
      return { x, y: rank, low, high, label: `MLP of layer ${layer}, alpha ${alpha}` };
    }),
  }));
  const chart: ChartSection = {
    kind: 'chart',
    id: 'function',
    title: 'Step 3: does it work as a function?',
    caption: `alpha times a direction is added to the stream behind each layer, where the model reads the bare topic (${bare.topics} topics); of ${alphas.length === 1 ? 'alpha' : 'the alphas'} ${alphas.join(', ')} the one with the lowest median rank is drawn for each. The own residue has seen the answer; the random direction has not.`,
    x: { title: 'added behind layer', unit: '', scale: 'category', categories: layers.map(String) },
    y: { title: 'rank of the answer', unit: '', scale: 'log10', min: 1 },
    series,
    references: [{ label: 'nothing added', from: [0, bare.rank], to: [Math.max(1, layers.length - 1), bare.rank] }],
    interval: 'median and quartiles over topics',
  };
  const table: TableSection = {
    kind: 'table',
    id: 'function-table',
    title: 'Function test, all strengths',
    columns: [
      { name: 'layer', title: 'Behind', kind: 'text' },
      { name: 'added', title: 'Added', kind: 'text' },
      { name: 'alpha', title: 'alpha', kind: 'text' },
      number('rank', 'Rank of the answer', 'Median over topics; 1 is first.'),
      number('low', 'Lower quartile', 'Over topics.'),
      number('high', 'Upper quartile', 'Over topics.'),
      number(
        'first',
        'First among the answers',
        'Share of topics whose answer is first among the answers of the task.',
      ),
    ],
    rows: [
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
  };
  return [chart, table];
}
