/** The Hallucination panel. */
import { contextKeys, hallucinationPanel } from '../../../protocol/contributions/views';
import type { HallucinationSetup } from '../../../protocol/panels/hallucination-schema';
import { realFolder } from '../../models/real-folder';
import { chooseOther } from '../choose-other';
import { modelServices } from '../model-services';
import { Panels, type PanelParts } from '../panels';
import { demoSetup, setupToStore, storedSetup } from './default-setup';
import { demoModels, demoOf } from '../vision-demo';
import { planChooser } from '../plan/choose-plan';
import { openCard } from '../open-card';
import { pictureOf } from '../picture-file';
import { browseImage, browseImages, browseLexicon } from './dialogs';
import { HallucinationHost, type HallucinationTypes } from './host';
import { besideImage, readImageFolder, readLexicon } from '../image-folder';
import { readModelCard } from '../model-card';
import { hallucinationRun } from './run';

export type HallucinationPanels = Panels<HallucinationTypes, HallucinationHost>;

export function hallucinationPanels(parts: PanelParts): HallucinationPanels {
  const { compute, history, library } = parts;
  const root = realFolder(parts.extension.fsPath);
  const files = { images: readImageFolder, besideImage, lexicon: readLexicon };
  /** Read from disk when a panel first asks: activation reads nothing. */
  let first: HallucinationSetup | undefined;
  return new Panels<HallucinationTypes, HallucinationHost>(parts, {
    name: 'hallucination',
    result: 'hallucination',
    viewType: hallucinationPanel,
    title: 'Hallucination',
    spoken: 'Hallucination heads of a model',
    contextKey: contextKeys.hallucinationRunning,
    run: hallucinationRun({
      ...files,
      hallucination: compute.hallucination,
      hallucinationSet: compute.hallucinationSet,
      keep: async (saved) => void (await history.keep('hallucination', saved)),
    }),
    methods: ['hallucination', 'hallucinationSet'],
    firstSetup: () => (first ??= demoSetup(demoOf(root))),
    storedSetup: (value) => storedSetup(value, root),
    setupToStore: (plan) => setupToStore(plan, root),
    chooseOther: (shown) =>
      chooseOther({
        kind: 'hallucination',
        library,
        history,
        shown,
        none: 'There is no other result to compare with. Run another picture, another model, or the same with other settings.',
        placeHolder: shown?.kind === 'headscope-hallucination-set' ? 'A folder of pictures' : 'A result of a picture',
      }),
    host: (place, services, send, start) =>
      new HallucinationHost(
        place,
        {
          ...services,
          ...modelServices(parts, ...demoModels(root)),
          ...files,
          server: compute,
          browseImage,
          browseImages,
          browseLexicon,
          choosePlan: planChooser(library),
          card: readModelCard,
          openCard,
          pictureOf,
        },
        send,
        start,
      ),
  });
}
