/** What comes with the extension for the Hallucination panel: models, and scenes whose objects are known. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelChoice } from '../../protocol/panels/run-panel';
import { demoChoice, demoVisionChoice } from '../models/model-choices';
import { imageType, parseTruth, truthFile } from './image-folder';

/** What comes with the extension: a small vision-language model, and scenes whose objects are known. */
export interface Demo {
  readonly folder: string;
  readonly scenes: string;
  readonly image: string;
  readonly truth: readonly string[] | null;
}

/** A scene in which the demo model names a thing that is not there (a fish beside the boat). */
const demoScene = 'scene-010.png';

/** The demo model with that scene, or the first; empty paths where the packaged extension lacks them. */
export function demoOf(root: string): Demo {
  const folder = join(root, 'examples', 'models', 'demo-vlm');
  const scenes = join(root, 'examples', 'pictures', 'scenes');
  try {
    const truth = parseTruth(readFileSync(join(scenes, truthFile), 'utf8'));
    const all = truth.ok ? [...truth.result].filter(([name]) => imageType(name) !== undefined) : [];
    const scene = all.find(([name]) => name === demoScene) ?? all[0];
    if (scene) return { folder, scenes, image: join(scenes, scene[0]), truth: scene[1].objects };
  } catch {
    // Said by the empty form: choose a picture.
  }
  return { folder, scenes: '', image: '', truth: null };
}

/** The vision-language model, and one of text, for spans of a text; none of text where the package lacks it. */
export function demoModels(root: string): readonly [ModelChoice, ...ModelChoice[]] {
  const there = (folder: string): boolean => existsSync(join(folder, 'config.json'));
  const folderOf = (name: string): string => join(root, 'examples', 'models', name);
  const [vision, text] = [folderOf('demo-vlm'), folderOf('demo-lm')];
  return [demoVisionChoice(vision, there(vision)), ...(there(text) ? [demoChoice(text, true)] : [])];
}
