import type { HallucinationSetup } from '../../protocol/panels/hallucination-schema';
import type { ModelIndex } from '../models/model-index';
import type { HallucinationPanels } from '../panels/hallucination/hallucination';
import { besideImage, imageType } from '../panels/image-folder';
import { defined } from '../platform/defined';
import { uriOf } from './arguments';
import { headLinkOf } from './head-link';
import { modelFolder } from './model-folder';
import type { Handlers } from './register';

type HallucinationCommand = 'headscope.showHallucination' | 'headscope.cancelHallucination';

export const hallucinationCommands = (
  panels: HallucinationPanels,
  models: ModelIndex,
): Pick<Handlers, HallucinationCommand> => ({
  'headscope.showHallucination': (target, link) => show(panels, models, target, link),
  'headscope.cancelHallucination': () => panels.run.cancel(),
});

/** Shows the panel for a picture, a config, a folder, or what it showed last; `link` names a prompt and a head. */
async function show(panels: HallucinationPanels, models: ModelIndex, target: unknown, link: unknown): Promise<void> {
  const { prompt, select } = headLinkOf(link);
  const change = await changeOf(models, target);
  const changes = change !== undefined || prompt !== undefined;
  await panels.open({ plan: changes ? { ...panels.plan, ...change, ...defined({ prompt }) } : undefined, select });
}

/** What of the plan the target names; undefined from the palette: the panel keeps all of it. */
async function changeOf(models: ModelIndex, target: unknown): Promise<Partial<HallucinationSetup> | undefined> {
  const named = uriOf(target)?.with({ fragment: '' });
  if (named === undefined) return undefined;
  if (named.scheme !== 'file')
    throw new Error(
      `${named.toString()} is not on this machine, and pictures and weights are read from local files. Choose a local one.`,
    );
  const image = named.fsPath;
  if (imageType(image) === undefined) return { folder: await modelFolder(models, named) };
  const { truth = null, lexicon } = await besideImage(image);
  return { mode: 'image', image, truth, ...defined({ lexicon }) };
}
