/** The kinds of files of a person's own, by their ending: how each is checked when it is saved. */
import { kernelEnding, ownKernelName } from '../../protocol/inputs/kernel-file';
import { analysisEnding, taskEnding, type OwnFilePlace } from '../../protocol/inputs/own-file';
import type { KernelOfWorkspace } from '../../protocol/results/benchmark-schema';
import { FailureError } from '../../protocol/wire/failures';
import type { Compute } from '../platform/compute';
import { defined } from '../platform/defined';
import type { FoundOfFile, OwnKind } from './file-checks';
import type { KnownFiles } from './known-files';
import { kernelProblems } from './problems';

interface OwnKindsParts {
  readonly compute: Pick<Compute, 'checkKernel' | 'analysisOfFile' | 'taskOfFile'>;
  readonly known: Pick<KnownFiles, 'keepAnalysis' | 'keepTask'>;
  /** A kernel file keeps all laws: its series is measured anew. */
  readonly kept: (kernel: KernelOfWorkspace) => unknown;
}

const silent = (): void => undefined;

export const ownKinds = ({ compute, known, kept }: OwnKindsParts): readonly OwnKind[] => [
  {
    ending: kernelEnding,
    async check(place, signal) {
      const kernel = { id: ownKernelName(place.file), ...place };
      const found = await compute.checkKernel({ kernel, parameters: {} }, signal, silent);
      const problems = kernelProblems(found);
      return found.ok ? { problems, kept: () => kept(defined({ ...kernel, title: found.title })) } : { problems };
    },
  },
  {
    ending: analysisEnding,
    check: (place, signal) =>
      loaded(place, async () => {
        const info = await compute.analysisOfFile(place, signal, silent);
        return () => known.keepAnalysis(place, info);
      }),
  },
  {
    ending: taskEnding,
    check: (place, signal) =>
      loaded(place, async () => {
        const info = await compute.taskOfFile(place, true, signal, silent);
        return () => known.keepTask(place, info);
      }),
  },
];

/** A fault of the file is a problem at its place. */
async function loaded(place: OwnFilePlace, load: () => Promise<() => unknown>): Promise<FoundOfFile> {
  try {
    return { problems: [], kept: await load() };
  } catch (error) {
    if (!(error instanceof FailureError) || error.failure.code !== 'kernel-file') throw error;
    const { sentence, place: at } = error.failure;
    return { problems: [{ ...(at ?? { file: place.file, line: 1 }), sentence }] };
  }
}
