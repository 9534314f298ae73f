/** The vision-language model that comes with the extension, and scenes whose objects are known. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelChoice } from '../../protocol/panels/run-panel';
import { demoVisionChoice } from '../models/model-choices';

export interface VisionDemo {
  readonly folder: string;
  readonly scenes: string;
  readonly image: string;
}

/** A scene in which the demo model names a thing that is not there (a fish beside the boat). */
const demoScene = 'scene-010.png';

/** Empty paths of pictures where the packaged extension lacks them. */
export function demoOf(root: string): VisionDemo {
  const folder = join(root, 'examples', 'models', 'demo-vlm');
  const scenes = join(root, 'examples', 'pictures', 'scenes');
  const image = join(scenes, demoScene);
  return existsSync(image) ? { folder, scenes, image } : { folder, scenes: '', image: '' };
}

export function visionModel(root: string): ModelChoice {
  const { folder } = demoOf(root);
  return demoVisionChoice(folder, existsSync(join(folder, 'config.json')));
}
