import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import type { HallucinationPlan } from '../../protocol/panels/hallucination';
import { whyNoHeads } from '../models/model-choices';
import type { ModelIndex } from '../models/model-index';
import { realFolder } from '../models/real-folder';
import type { HallucinationPanels } from '../panels/hallucination/hallucination-panels';
import { besideImage, imageType } from '../panels/hallucination/image-folder';
import { uriOf } from './arguments';
import { headLinkOf } from './head-link';
import type { Handlers } from './register';

type HallucinationCommand = 'headscope.showHallucination' | 'headscope.cancelHallucination';

export const hallucinationCommands = (
  panels: HallucinationPanels,
  models: ModelIndex,
): Pick<Handlers, HallucinationCommand> => ({
  'headscope.showHallucination': (target, link) => show(panels, models, target, link),
  'headscope.cancelHallucination': () => panels.run.cancel(),
});

/** Of a picture, of a config, of a folder, or of what the panel showed last; `link` names a prompt and a head. */
async function show(panels: HallucinationPanels, models: ModelIndex, target: unknown, link: unknown): Promise<void> {
  const { prompt, select } = headLinkOf(link);
  const change = await changeOf(models, target);
  const plan: HallucinationPlan | undefined =
    change === undefined && prompt === undefined
      ? undefined
      : { ...panels.plan, ...change, ...(prompt === undefined ? {} : { prompt }) };
  await panels.open({ ...(plan === undefined ? {} : { plan }), ...(select === undefined ? {} : { select }) });
}

/** What of the plan the target names; undefined from the palette: the panel keeps all of it. */
async function changeOf(models: ModelIndex, target: unknown): Promise<Partial<HallucinationPlan> | undefined> {
  const named = uriOf(target)?.with({ fragment: '' });
  if (named === undefined) return undefined;
  if (named.scheme !== 'file') throw new Error(`Pictures and weights are read by path; ${named.toString()} has none.`);
  if (imageType(named.fsPath) !== undefined) {
    const { truth, lexicon } = await besideImage(named.fsPath);
    return {
      mode: 'image',
      image: named.fsPath,
      truth: truth ?? null,
      ...(lexicon === undefined ? {} : { lexicon }),
    };
  }
  const config = named.path.endsWith('.json') ? named : vscode.Uri.joinPath(named, 'config.json');
  const why = whyNoHeads(await models.describe(config), basename(dirname(config.fsPath)));
  if (why !== undefined) throw new Error(why);
  return { folder: realFolder(dirname(config.fsPath)) };
}
