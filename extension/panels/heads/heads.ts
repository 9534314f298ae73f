/** The Heads panel. */
import { contextKeys, headsPanel } from '../../../protocol/contributions/views';
import { chooseOther } from '../choose-other';
import { modelServices, textDemo } from '../model-services';
import { planChooser } from '../plan/choose-plan';
import { Panels, type PanelParts } from '../panels';
import { demoSetup, setupToStore, storedSetup } from './default-setup';
import { chooseVector, loadIntervention, saveIntervention, saveLabels } from '../workbench/intervention-dialogs';
import { HeadsHost, type HeadsServices, type HeadsTypes } from './host';
import { headsRun } from './run';

export type HeadsPanels = Panels<HeadsTypes, HeadsHost>;

/** `explain`: shows and runs an analysis. */
export function headsPanels(parts: PanelParts, explain: HeadsServices['explain']): HeadsPanels {
  const { compute, extension, history, library } = parts;
  const demo = textDemo(extension);
  const { folder } = demo;
  return new Panels<HeadsTypes, HeadsHost>(parts, {
    name: 'heads',
    result: 'heads',
    viewType: headsPanel,
    title: 'Heads',
    spoken: 'Heads of a model',
    contextKey: contextKeys.headsRunning,
    run: headsRun({ heads: compute.heads, keep: async (reply) => void (await history.keep('heads', reply)) }),
    methods: ['heads'],
    firstSetup: () => demoSetup(folder),
    storedSetup: (value) => storedSetup(value, folder),
    setupToStore: (plan) => setupToStore(plan, folder),
    chooseOther: (shown) =>
      chooseOther({
        kind: 'heads',
        library,
        history,
        shown,
        none: 'There is no other result to compare with. Run another prompt, another model, or the same with a head changed.',
        placeHolder: 'A result of heads',
      }),
    host: (place, services, send, start) =>
      new HeadsHost(
        place,
        {
          ...services,
          ...modelServices(parts, demo),
          server: compute,
          explain,
          saveLabels,
          saveIntervention,
          loadIntervention,
          chooseVector,
          choosePlan: planChooser(library),
        },
        send,
        start,
      ),
  });
}
