/** The methods that have to do with kernel files. */
import type {
  KernelCheck,
  KernelCheckProgress,
  KernelCheckRequest,
  LawResult,
  RefusedShape,
} from '../../protocol/compute/own-kernels';
import { kernelOfWorkspace, parametersOf as parametersSchema } from '../../protocol/results/benchmark-schema';
import { anyNumber, object } from '../../protocol/schema/fields';
import type { Job, Methods } from '../dispatch/dispatcher';
import { jobAlone, type Lane } from '../dispatch/lane';
import { countOf, requested } from '../dispatch/parse';
import { openOwnKernels } from '../harness/catalogue';
import { KernelFault } from '../own-kernels/kernel-link';
import { keepLaws } from './laws';
import type { OwnKernel } from '../own-kernels/own-mechanism';

const checkRequest = object({ kernel: kernelOfWorkspace, parameters: parametersSchema(anyNumber) });

export const kernelFileMethods = (lane: Lane): Pick<Methods, 'checkKernel'> => ({
  checkKernel: {
    parse(args) {
      countOf(args, 1, 'checkKernel');
      return [requested(checkRequest, args[0])];
    },
    run: ([request], signal) =>
      jobAlone(lane, signal, () => checkKernel(request, signal), { name: 'checking a kernel file' }),
    describe: () => ({ lane: 'row', key: '', final: true }),
  },
});

async function* checkKernel(
  { kernel, parameters }: KernelCheckRequest,
  signal: AbortSignal,
): Job<KernelCheckProgress, KernelCheck> {
  const { id, file } = kernel;
  let opened: OwnKernel;
  try {
    [opened] = (await openOwnKernels([kernel])) as [OwnKernel];
  } catch (error) {
    if (!(error instanceof KernelFault)) throw error;
    const { sentence, place } = error.fault;
    const result: LawResult = {
      law: 'It can be loaded',
      pattern: '',
      queries: 0,
      keys: 0,
      ok: false,
      sentence,
      ...(place ? { place } : {}),
    };
    return { id, file, laws: [result], refused: [], ok: false };
  }
  const laws: LawResult[] = [];
  const refused: RefusedShape[] = [];
  try {
    for await (const tried of keepLaws(opened, parameters, signal)) {
      if (tried.kind === 'refused') {
        refused.push(tried.refused);
        continue;
      }
      laws.push(tried.result);
      yield tried;
    }
  } finally {
    await opened.rest();
  }
  return {
    id,
    file,
    title: opened.mechanism.title,
    sha256: opened.sha256,
    laws,
    refused,
    ok: laws.length > 0 && laws.every(({ ok }) => ok),
  };
}
