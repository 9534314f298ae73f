/** What the Heads panel runs: a model on a prompt, layer by layer. */
import type { HeadsReply } from '../../../protocol/compute/models';
import type { HeadsRequest } from '../../../protocol/compute/model-requests';
import type { HeadsSetup } from '../../../protocol/panels/heads-schema';
import type { ToHeadsPanel } from '../../../protocol/panels/heads';
import { isCancelled, isRestart, type Compute } from '../../platform/compute';
import { defined } from '../../platform/defined';
import { PanelRun } from '../panel-run';

export type HeadsEvent = Extract<ToHeadsPanel, { readonly kind: 'stage' | 'layer' | 'result' }>;
export type HeadsRun = PanelRun<HeadsSetup, HeadsEvent, HeadsReply>;

interface HeadsRunServices extends Pick<Compute, 'heads'> {
  keep(reply: HeadsReply): Promise<void>;
}

const requestOf = ({ folder, device, prompt, interventions, classify, causal, seed }: HeadsSetup): HeadsRequest => ({
  folder,
  ...defined({ device }),
  prompt,
  interventions,
  classify,
  causal,
  thumbnails: true,
  seed,
});

export function headsRun(services: HeadsRunServices): HeadsRun {
  /** Finished layers that the server has on disk. */
  let keptLayers = 0;
  return new PanelRun<HeadsSetup, HeadsEvent, HeadsReply>({
    async perform(plan, { signal, emit }) {
      keptLayers = 0;
      const result = await services.heads(requestOf(plan), signal, (progress) => {
        if (progress.kind === 'layer') return emit(progress);
        const { keptLayers: kept = 0, ...stage } = progress;
        keptLayers = kept;
        emit(stage);
      });
      return { result };
    },
    finished: ({ result, thumbnails }, savedAs) => ({ kind: 'result', result, ...defined({ thumbnails, savedAs }) }),
    key: (event) => (event.kind === 'layer' ? `layer ${event.layer}` : undefined),
    keep: (reply) => services.keep(reply),
    notKept: 'The result is shown, but it could not be kept for the next start. Save it, or export it.',
    afterFailure(error, shown) {
      if (shown === 0 || isCancelled(error)) return '';
      // After the death of the server the same run goes on behind the layers on disk, which may be fewer than are shown.
      const fewer = keptLayers < shown ? `, ${keptLayers} ${keptLayers === 1 ? 'is' : 'are'} kept` : '';
      const goesOn = isRestart(error) && keptLayers > 0 ? `${fewer}: Run goes on from there` : '';
      return ` ${shown === 1 ? '1 layer is' : `${shown} layers are`} shown${goesOn}.`;
    },
    outlasts: 'The heads shown are kept.',
  });
}
