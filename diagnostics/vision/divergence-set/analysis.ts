/** The analysis `divergence-set`: how often captions name what is not there, and what reinforcement of heads changes. */
import type { Analysis } from '../../analysis';
import { measureIn } from '../../shared/divergence/parameters';
import { generatesWith } from '../../shared/captions/support';
import { reinforcementsIn, setParameters, type SetParameters } from './parameters';
import { setAnalysis, setResult, type SetResult } from '../../../protocol/results/caption-set-result';
import { imageRows } from '../../shared/captions/image-rows';
import { setFinding } from '../../../protocol/results/sections/caption-set-finding';
import { scoreChangeTable, scoreChanges, setSections } from '../../../protocol/results/sections/caption-set';
import { runSet } from './set-run';

export const divergenceSet: Analysis<SetParameters, SetResult> = {
  ...setAnalysis,
  question: 'How often do captions name what is not there, and does reinforcement of heads change it?',
  group: 'vision',
  source: {
    reference: 'arXiv:2412.13949 (reinforcement); arXiv:1809.02156 (CHAIR)',
    trust: 'medium',
    note: 'Intervals over pictures are a choice of Headscope (docs/hallucination.md).',
  },
  inputs: ['image-set'],
  interventionsOnEach: true,
  stepsOfPictures: ['first'],
  parameters: setParameters,
  result: setResult,
  supports(model, parameters) {
    if (model.predicts && !model.summary.vision) {
      const why =
        'The model reads text alone: it has no vision encoder, so it cannot caption pictures. Choose a vision-language model.';
      return { ok: false, why };
    }
    if (model.predicts && parameters.truth === '') {
      const why = 'No truth is given. Name a JSON file of what the pictures hold, {"image.png": ["object", …]}.';
      return { ok: false, why };
    }
    return generatesWith(model, () => [measureIn(model, parameters), reinforcementsIn(model, parameters, 0)]);
  },
  estimate(facts, { given }, parameters) {
    const { blocks } = facts;
    const { tokens, first } = parameters;
    const pictures = first > 0 ? first : given.kind === 'image-set' ? given.samples : 0;
    const others = reinforcementsIn(facts, parameters, 0).length;
    const rows = imageRows(facts) + tokens;
    // Keys and values of the second pass, in float32.
    const cache = blocks.reduce((sum, { kvHeads, headDim }) => sum + 2 * kvHeads * headDim * rows, 0);
    return { passes: pictures * (2 + 4 * others), tokens: rows, bytes: 4 * cache };
  },
  run: runSet,
  stopped: (known) => ('total' in known ? (known as SetResult) : undefined),
  finding: setFinding,
  sections: (result) => setSections(result, { ask: 'Show its heads', opensPictures: true }),
  compare(a, b) {
    const names = new Set(a.entries.map(({ name }) => name));
    const both = b.entries.filter(({ name }) => names.has(name)).length;
    return [
      scoreChangeTable('Change of the scores', 'Other', scoreChanges(b, a)),
      {
        kind: 'generations',
        id: 'both-captions',
        title: 'Plain captions of both',
        caption: `Over the ${both} pictures that both results have.`,
        variants: ['other', 'this'],
        score: { title: 'CHAIR_I', unit: '' },
        items: a.entries.flatMap(({ name, plain }) => {
          const other = b.entries.find((entry) => entry.name === name)?.plain;
          if (!other) return [];
          const scores = [plain, other].map(({ score }) => score?.chairI ?? Number.NaN);
          return [{ title: name, texts: [plain.text, other.text], scores }];
        }),
      },
    ];
  },
};
