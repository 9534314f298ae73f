/** The experiment `toy-lungs`: a small convolutional network without gates, with isolated ones, and with gates that share one global map. */
import { multiscaleGate } from '../../../kernels/modules/medusa/multiscale-gate';
import { random, seedFor } from '../../../kernels/tensors/random';
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { AnalysisJob } from '../../analysis';
import type { Workbench } from '../../experiment';
import { armsFields, type Arm, type ArmsParameters, type TrainedArms } from '../../shared/training/arms';
import { experiment, type ArmsTraining } from '../../shared/training/arms-experiment';
import { halfCosine } from '../../shared/training/schedule';
import type { Trainer } from '../../model-runner/trainer';
import { chances, measuresOf, seenPictures } from './measure';
import { batchOf, batchSize, channelsFor, forms, initialOf, lungNetwork, scales, type Form } from './network';
import { classes, drawPicture, drawPictures, side, type LungPicture } from './pictures';
import { toyLungsResult, type LungMap, type ToyLungsResult } from './result';
import { finding, sections, weights } from './sections';
import * as field from '../../../kernels/parameters';

type LungParameters = ArmsParameters & {
  readonly channels: number;
  readonly bodyWidth: number;
};

const testPictures = 128;

const parameters: ParameterTable<LungParameters> = {
  channels: field.integer(
    'Channels',
    'Channels of the first of three stages of the network with a shared body, doubled at each further stage. The other networks get as many as give them equal parameters.',
    { min: 1, max: 64, default: 6 },
  ),
  bodyWidth: field.integer(
    'Body width',
    'Channels of the finest of four levels of the shared body, doubled at each further one.',
    { min: 1, max: 16, default: 2 },
  ),
  ...armsFields({ steps: 300, seeds: 2 }),
};

export const toyLungs = experiment<LungParameters, ToyLungsResult>({
  id: 'toy-lungs',
  title: 'Gates that share a global map',
  question: 'Do gates at several scales find more when one map over the whole image feeds them all?',
  source: {
    reference: 'arXiv:2110.06063 (MEDUSA), abstract',
    trust: 'low',
    note: 'The gates are a reconstruction from the abstract (module multiscale-gate), here without batch norms. Pictures, sizes and training are choices of Headscope. The pictures are drawn ellipses: nothing here says anything about a diagnosis.',
  },
  parameters,
  result: toyLungsResult,
  estimate: ({ channels, bodyWidth }) => ({
    bytes: 4 * side * side * (testPictures + batchSize * (12 * channels + 30 * bodyWidth)),
  }),
  training,
  finding,
  sections,
  weights,
});

const titles: Readonly<Record<Form, string>> = {
  none: 'No gates',
  isolated: 'Isolated gates',
  shared: 'Shared body and gates',
};

/** `test`: a multiple of the batch. */
function lungArms(
  trainer: Trainer,
  { channels, bodyWidth, steps }: Pick<LungParameters, 'channels' | 'bodyWidth' | 'steps'>,
  test: readonly LungPicture[],
): readonly Arm[] {
  return forms.map((form) => {
    const network = lungNetwork(titles[form], { form, bodyWidth, channels: channelsFor(form, channels, bodyWidth) });
    return {
      id: form,
      title: titles[form],
      network,
      training: (seed) => ({
        initial: initialOf(network, seed),
        batch: (_, source) =>
          batchOf(Array.from({ length: batchSize }, () => drawPicture(source.whole(classes), source))),
        measure: async (learned) => measuresOf(await seenPictures(trainer, network, learned, form, test), form),
        rate: halfCosine(0.005, steps, 0.05),
        adam: { clip: 1 },
      }),
    };
  });
}

function training(bench: Workbench, job: AnalysisJob<LungParameters>): ArmsTraining<ToyLungsResult> {
  const { channels, seeds, steps } = job.parameters;
  const test = drawPictures(testPictures, random(seedFor(job.seed, 'test pictures')));
  return {
    arms: lungArms(bench.trainer, job.parameters, test),
    facts: { seeds, chances: chances(test) },
    every: Math.max(1, Math.ceil(steps / 6)),
    size: { layers: scales, heads: 1, headDim: channels, hiddenSize: channels },
    config: { module: multiscaleGate.id, side, classes },
    after: async (trained) => ({ maps: await mapsOf(bench.trainer, trained, test) }),
  };
}

const rowsOf = (map: ArrayLike<number>): readonly (readonly number[])[] => {
  const cells = Math.sqrt(map.length);
  return Array.from({ length: cells }, (_, row) => Array.from(map).slice(row * cells, (row + 1) * cells));
};

/** The first test picture of class 1, and what the gates of the first run make of it. */
async function mapsOf(
  trainer: Trainer,
  { trained }: TrainedArms,
  test: readonly LungPicture[],
): Promise<readonly LungMap[]> {
  const some = test.slice(0, batchSize);
  const at = some.findIndex(({ label }) => label === 1);
  const maps: LungMap[] = [
    {
      title: 'A test picture of class 1',
      definition: 'grey; the blob inside an ellipse is what counts',
      values: rowsOf(some[at]?.x ?? []),
    },
  ];
  for (const form of forms) {
    const own = trained.find(({ arm }) => arm.id === form);
    if (!own) continue;
    const seen = (await seenPictures(trainer, own.arm.network, own.parameters, form, some))[at];
    if (!seen) continue;
    if (seen.global.length > 0) {
      maps.push({ title: `${own.arm.title}: global map`, definition: 'A_G', values: rowsOf(seen.global) });
    }
    seen.maps.forEach((map, scale) => {
      const cells = Math.sqrt(map.length);
      maps.push({
        title: `${own.arm.title}: scale ${scale + 1}, ${cells} x ${cells}`,
        definition: `A_${scale + 1}, what the features of this scale are multiplied by`,
        values: rowsOf(map),
      });
    });
  }
  return maps;
}
