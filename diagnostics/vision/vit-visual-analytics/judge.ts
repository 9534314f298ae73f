/** What names the classes of a run's pictures, chosen before the run and found again when a person asks. */
import { refusal } from '../../../protocol/wire/failures';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import { counted } from '../../../protocol/wire/number-words';
import type { Judge } from './importance';
import { labelledFolder, type LabelledFolder, type LabelledPicture } from './labelled-pictures';
import type { VitJob } from './parameters';
import { readProbe } from './probe';
import { poolingOf } from './reader';
import type { VitResult } from './result';

export const promptOf = (model: ModelRunner, { path }: Pick<LabelledPicture, 'path'>): Promise<Prompt> =>
  model.prompt({ kind: 'image', image: path });

export function labelledPictures(
  model: ModelRunner,
  { input: { given }, parameters, seed }: VitJob,
): Promise<LabelledFolder> {
  if (given.kind !== 'image-set') throw new RangeError('a folder of pictures is asked for');
  return labelledFolder(model, { ...given, labels: parameters.labels, seed });
}

export const probedIn = ({ probed }: Pick<VitJob['parameters'], 'probed'>): 'class' | 'patches' =>
  probed === 'patches' ? 'patches' : 'class';

/** The judge of a result that was saved. */
export async function judgeAgain(
  model: ModelRunner,
  { parameters }: Pick<VitJob, 'parameters'>,
  { pictures, reader, probe, grid, classes }: VitResult,
): Promise<{ readonly judge: Judge; readonly classOf: (label: string) => number }> {
  const head = await model.weights.encoderHead();
  const byClassifier = reader === 'classifier';
  const pooling = poolingOf(head, grid.leading, byClassifier, probedIn(parameters));
  if (byClassifier) {
    if (!head.classifier)
      throw refusal('The checkpoint has no layer that names classes any more. Run the analysis again.');
    const { classes: known, linear } = head.classifier;
    const { classOf } = readerFor('classifier', known, pictures);
    return {
      judge: { pooling, reader: { kind: 'classifier', classes: known, linear } },
      classOf: (label) => classOf(label) ?? -1,
    };
  }
  if (!probe) throw new RangeError('the result has no probe');
  return { judge: { pooling, reader: readProbe(probe, classes) }, classOf: (label) => classes.indexOf(label) };
}

interface ChosenReader {
  readonly byClassifier: boolean;
  /** Number of a class of the folder; undefined where its pictures are left out. */
  readonly classOf: (label: string) => number | undefined;
  readonly notes: readonly string[];
}

/** `known`: classes of the checkpoint. Names are compared without case; a number is that of a class. */
export function readerFor(
  wanted: string,
  known: readonly string[] | undefined,
  pictures: readonly { readonly label: string }[],
): ChosenReader {
  const labels = [...new Set(pictures.map(({ label }) => label))].sort();
  const probe: ChosenReader = { byClassifier: false, classOf: (label) => labels.indexOf(label), notes: [] };
  if (!known) {
    if (wanted === 'classifier') {
      throw refusal('The checkpoint has no layer that names classes. Choose the linear probe.');
    }
    return probe;
  }
  const lower = known.map((name) => name.toLowerCase());
  const classOf = (label: string): number | undefined => {
    const named = lower.indexOf(label.toLowerCase());
    if (named >= 0) return named;
    return /^\d+$/.test(label) && Number(label) < known.length ? Number(label) : undefined;
  };
  const strange = labels.filter((label) => classOf(label) === undefined);
  if (wanted === 'probe' || (wanted === 'auto' && strange.length > 0)) return probe;
  if (strange.length === labels.length) {
    throw refusal(
      `The checkpoint names ${known.slice(0, 5).join(', ')}${known.length > 5 ? ', …' : ''}, and none of the classes of the pictures (${labels.slice(0, 5).join(', ')}). Rename them, or choose the linear probe.`,
    );
  }
  return {
    byClassifier: true,
    classOf,
    notes:
      strange.length > 0
        ? [
            `${counted(strange.length, 'class', 'classes')} that the checkpoint does not name ${strange.length === 1 ? 'is' : 'are'} left out: ${strange.join(', ')}.`,
          ]
        : [],
  };
}
