/** The methods that have to do with modules. */
import type { ModuleMethods } from '../../protocol/compute/modules';
import { moduleSetupRequest } from '../../protocol/results/module-schema';
import type { Methods } from '../dispatch/dispatcher';
import { threads } from '../harness/kernel-requests';
import { jobAlone, type Lane } from '../dispatch/lane';
import { countOf, requested } from '../dispatch/parse';
import type { Surroundings } from '../surroundings';
import { describeModules } from './describe';
import { moduleJob } from './module-job';

export const moduleMethods = (surroundings: Surroundings, lane: Lane): Pick<Methods, keyof ModuleMethods> => ({
  modules: {
    parse(args) {
      countOf(args, 0, 'modules');
      return [];
    },
    run: () => Promise.resolve(describeModules()),
  },
  module: {
    parse(args) {
      countOf(args, 1, 'module');
      const plan = requested(moduleSetupRequest, args[0], 'the plan');
      return [{ ...plan, threads: requested(threads, plan.threads, 'threads') }];
    },
    run: ([plan], signal) =>
      jobAlone(lane, signal, () => moduleJob(plan, surroundings, signal), { name: 'running a module', measures: true }),
    describe: () => ({ lane: 'stage', key: '', final: false }),
  },
});
