/** The thread of a kernel link: keeps the process that runs the file, and says when an answer is there. */
import { workerData } from 'node:worker_threads';
import type { KernelQuestion } from '../../kernels/own/kernel-file';
import { kernelEnding } from '../../protocol/inputs/kernel-file';
import type { LinkData, ToKernelThread } from './kernel-link';
import { kernelLimits } from './messages';
import { OwnProcess } from './own-process';

const { file, root, port, flag } = workerData as LinkData;

const short = ['maskMod', 'shortForm', 'default'];
const namesOf: Readonly<Record<KernelQuestion['kind'], readonly string[]>> = {
  facts: ['default'],
  supports: ['supports', ...short],
  weights: ['weights', ...short],
  build: ['build', 'scoreMod', ...short],
  reference: ['referenceRows', 'reference', 'scoreMod', ...short],
  pattern: ['pattern', ...short],
  limits: ['limits', ...short],
};

const own = new OwnProcess(
  { file, root, ending: kernelEnding, library: 'kernel-library.js' },
  kernelLimits(process.env),
);

port.on('message', (asked: ToKernelThread) => {
  if (asked === 'end') {
    void own.ended().then(() => process.exit());
    return;
  }
  const names = namesOf[(asked.question as KernelQuestion).kind];
  void own.ask(asked, names).then((reply) => {
    port.postMessage(reply);
    Atomics.store(flag, 0, 1);
    Atomics.notify(flag, 0);
  });
});
process.on('exit', () => own.end());
