/** What a result of path patching shows. */
import type { Scale } from '../../../protocol/sections/figure';
import type { GraphEdge, GraphNode, GraphSection } from '../../../protocol/sections/graph';
import type { Section } from '../../../protocol/sections/section';
import { answerWords } from '../../shared/effects/gap';
import { firstPassWords } from '../../shared/circuits/first-pass';
import { receiversOf, receiverText, type Receiver } from '../../shared/circuits/receivers';
import { intervalWords, levelTable } from '../../shared/effects/level-section';
import { metricWords } from '../../shared/effects/metric';
import { partName } from '../../shared/effects/parts';
import { isMeasured, ranked, receiverWords } from './finding';
import type { PathResult, Stage } from './result';
import * as build from '../../../protocol/sections/builders';

const askWords = 'Show what it attends to';
const effectTitle = 'Effect (share of the way to the counterpart)';

export const sections = (result: Partial<PathResult>): readonly Section[] =>
  isMeasured(result)
    ? [
        ...result.stages.flatMap((stage, number) => [
          headsSection(result, stage, number),
          rankedSection(result, stage, number),
        ]),
        graphSection(result),
        levelSection(result),
      ]
    : [];

function effectDefinition({ metric, freezeMlps }: PathResult, stage: Stage): string {
  const held = freezeMlps ? 'every other head and all MLPs held' : 'every other head held, MLPs computed anew';
  return `Mean of (${metricWords[metric].name} with the head's path into ${receiverWords(stage)} as in the counterpart, less that of the prompt) over mean of (counterpart less prompt), ${held}. 0: the path does nothing; 1: it makes all of the difference; below 0: it works against it. Published plots show -100 times this.`;
}

/** As a list of receivers that can be given to another run. */
const asReceivers = ({ kept }: Stage): string => kept.map(({ layer, head }) => `${layer}.${head}.q`).join(',');

function headsSection(result: PathResult, stage: Stage, number: number) {
  const { n, leftOut = 0, answers, metric, stages } = result;
  const { effect, low, high, beyondChance, estimate, firstPass, kept, at } = stage;
  const chosen = firstPass ? ` ${firstPassWords(firstPass, 'heads')}` : '';
  const sizes = effect
    .flat()
    .filter((value) => !Number.isNaN(value))
    .map(Math.abs);
  const max = Math.max(0, ...sizes);
  const scale: Scale = { kind: 'diverging', ...(max > 0 ? { max } : {}) };
  const left = leftOut > 0 ? ` ${leftOut} prompts were left out: they have no counterpart of as many tokens.` : '';
  const further =
    kept.length > 0 && number + 1 === stages.length
      ? ` To ask what acts on their queries: receivers ${asReceivers(stage)}.`
      : '';
  return build.heads(
    `stage-${number + 1}`,
    `${stages.length > 1 ? `Stage ${number + 1}: e` : 'E'}ffect of each head on ${receiverWords(stage)}`,
    `At ${at}, over ${n} ${n === 1 ? 'pair' : 'pairs'} of prompts.${answerWords(metric, answers)}${left}${chosen}${further}`,
    [
      build.scaled(
        scale,
        'effect',
        effectTitle,
        effectDefinition(result, stage),
        effect,
        '',
        n > 1 ? { low, high, interval: intervalWords } : {},
      ),
      estimate &&
        build.scaled(
          scale,
          'estimate',
          'Estimated effect',
          'The same by the gradient along the path, to first order in the change of the output, of all heads. The largest are patched.',
          estimate,
        ),
    ],
    {
      ask: askWords,
      classes: [
        build.headClass('kept', 'kept', 'Largest effects of the stage: the heads that receive in the next.', kept),
        ...(beyondChance
          ? [
              build.headClass(
                'beyond-chance',
                'beyond chance',
                "The effect is other than 0 by intervals of Student's t that are widened for the number of heads (Bonferroni: 5 % over all of them).",
                beyondChance.flatMap((row, layer) => row.flatMap((is, head) => (is ? [{ layer, head }] : []))),
              ),
            ]
          : []),
      ],
      marked: kept,
    },
  );
}

function rankedSection(result: PathResult, stage: Stage, number: number) {
  const { n, stages } = result;
  const column = (name: string, title: string, definition: string) => build.number(name, title, definition);
  return build.table(
    `ranked-${number + 1}`,
    stages.length > 1 ? `Stage ${number + 1}, largest effect first` : 'Largest effect first',
    '',
    ranked(stage),
    [
      build.head(),
      { ...column('effect', effectTitle, effectDefinition(result, stage)), cell: ({ effect }) => effect },
      n > 1 && [
        { ...column('low', 'From', `Lower end of its ${intervalWords}.`), cell: ({ low }) => low },
        { ...column('high', 'To', `Upper end of its ${intervalWords}.`), cell: ({ high }) => high },
        build.text('beyondChance', 'Beyond chance', ({ beyondChance }) => (beyondChance ? 'yes' : 'no')),
      ],
    ],
    { ask: askWords, empty: 'No head has an effect.' },
  );
}

/** Heads that were kept and what they act on. */
function graphSection(result: PathResult): GraphSection {
  const { stages } = result;
  const [first] = stages;
  const layers = first?.effect.length ?? 0;
  const blocks = (first?.effect ?? []).map(({ length }) => ({
    heads: length,
    kvHeads: length,
    headDim: 1,
    causal: true,
  }));
  const nodes = new Map<string, GraphNode>();
  const edges: GraphEdge[] = [];
  const headNode = (layer: number, head: number, weight: number): string => {
    const id = `L${layer}H${head}`;
    const known = nodes.get(id);
    if (!known || Number.isNaN(known.weight)) {
      nodes.set(id, { id, kind: 'head', layer, column: head, label: partName({ layer, head }), weight });
    }
    return id;
  };
  const receiverNode = (receiver: Receiver): string => {
    if (receiver.input === 'logits') {
      nodes.set('logits', {
        id: 'logits',
        kind: 'logits',
        layer: layers,
        column: 0,
        label: 'logits',
        weight: Number.NaN,
      });
      return 'logits';
    }
    if (receiver.input !== 'mlp') return headNode(receiver.layer, receiver.head, Number.NaN);
    const id = `L${receiver.layer}MLP`;
    const { layer } = receiver;
    nodes.set(id, {
      id,
      kind: 'mlp',
      layer,
      column: blocks[layer]?.heads ?? 0,
      label: `MLP ${layer}`,
      weight: Number.NaN,
    });
    return id;
  };
  for (const stage of stages) {
    for (const receiver of stage.receivers.flatMap((text) => receiversOf(text, blocks))) {
      const to = receiverNode(receiver);
      for (const { layer, head, effect, to: named } of stage.edges) {
        if (named !== receiverText(receiver)) continue;
        const from = headNode(layer, head, stage.effect[layer]?.[head] ?? Number.NaN);
        edges.push({ from, to, input: receiver.input, weight: effect });
      }
    }
  }
  const strongest = Math.max(
    0,
    ...edges.map(({ weight }) => Math.abs(weight)).filter((weight) => !Number.isNaN(weight)),
  );
  return {
    kind: 'graph',
    id: 'circuit',
    title: 'Heads that were kept, and what they act on',
    caption: `Each edge is one head on one receiver alone; at first those of at least a tenth of the strongest are drawn.${stages.length > 1 ? ` ${stages.map(({ at }, number) => `Stage ${number + 1} at ${at}`).join(', ')}.` : ''}`,
    empty: 'No head was kept.',
    nodes: [...nodes.values()],
    edges,
    unit: '',
    definition:
      'Effect of the path, as a share of the way to the counterpart; of a node, that of its head in its stage.',
    threshold: strongest / 10,
  };
}

function levelSection({ metric, original, counterpart, gap }: PathResult) {
  return levelTable(
    metric,
    'patches',
    [
      ['prompts', original],
      ['counterparts', counterpart],
      ['counterparts less prompts', gap],
    ],
    ' Prompts and counterparts are scored with the answers of the prompts.',
  );
}
