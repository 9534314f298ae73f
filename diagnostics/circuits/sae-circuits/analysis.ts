/** The analysis `sae-circuits`: heads of a circuit by codes of their outputs, from a tiny autoencoder and without patching. */
import type { Analysis } from '../../analysis';
import { headCount } from '../../shared/effects/parts';
import { measuresNext } from '../../shared/effects/metric';
import { compare } from './compare';
import { finding, offers } from './finding';
import { keptBytes } from './head-outputs';
import { ask } from './look-closer';
import { saeTable, type SaeParameters } from './parameters';
import { saeResult, type SaeResult } from './result';
import { saeRun } from './run';
import { sections } from './sections';
import { mostVerified, sizesFor } from './verify';

export const saeCircuits: Analysis<SaeParameters, SaeResult> = {
  id: 'sae-circuits',
  title: 'Circuits by codes of head outputs',
  question: 'Which heads put out something in the task that they never put out without it?',
  group: 'circuits',
  source: {
    reference: "O'Neill and Bui 2024, arXiv:2405.12522, and the authors' code",
    trust: 'medium',
    note: 'Prompts and counterparts are those of the tasks of Headscope, which change one thing; the negatives of the paper change a name elsewhere (indirect object) or draw more anew (docstring). Norms of the autoencoder are taken in its graph, equal pairs at the end of the list of edges share what is left, and F1 is the harmonic mean of precision and recall. The two simple rankings are an addition.',
  },
  inputs: ['task'],
  usualTask: { task: 'indirect-object', samples: 100 },
  exactWeights: true,
  parameters: saeTable,
  result: saeResult,
  everyLayer: true,
  supports: (facts, { metric }) => measuresNext(facts, { metric, answer: '', against: '' }),
  estimate(facts, { task }, { features, examples, trainings, heldOut, verify, randomSets }) {
    const prompts = Math.max(1, task?.samples.length ?? 1);
    const heads = headCount(facts.blocks);
    const held = verify ? Math.min(mostVerified, (heldOut / 100) * prompts) : 0;
    const rows = heads * Math.min(examples, 2 * prompts);
    return {
      // A training of 500 steps on the outputs of all heads costs about as much as some prompts.
      passes: Math.round(2 * prompts + 20 * trainings + held * sizesFor(heads).length * (3 + randomSets)),
      bytes:
        keptBytes(facts, 2 * prompts) +
        4 * rows * (4 * facts.hiddenSize + 6 * features) +
        4 * 8 * features * facts.hiddenSize +
        3 * heads ** 2,
    };
  },
  run: saeRun,
  ask,
  finding,
  sections,
  compare,
  offers,
};
