/** What a result of `vit-visual-analytics` shows. */
import type { Section } from '../../../protocol/sections/section';
import { importanceSections, scoreWords } from './importance-sections';
import { patternSections } from './pattern-sections';
import type { VitResult } from './result';
import { strengthSections } from './strength-sections';
import * as build from '../../../protocol/sections/builders';

export const vitSections = (result: Partial<VitResult>): readonly Section[] => [
  ...importanceSections(result),
  ...strengthSections(result.strength),
  ...patternSections(result.patterns),
  ...notesOf(result),
];

function notesOf({ ranked, heldOut, notes = [], reader, patterns, strength }: Partial<VitResult>): readonly Section[] {
  if (!ranked || !heldOut) return [];
  return [
    build.paragraphs('notes', 'How it was done', [
      ...notes,
      `${reader === 'probe' ? 'A linear probe, trained on a third of the pictures of each class, names' : 'The checkpoint’s classifier names'} ${scoreWords(ranked)} on which heads are ranked, and ${scoreWords(heldOut)} on which pruning is judged. No picture serves for two of these.`,
      ...(strength
        ? [
            'Rows before the patches have no place on the grid: rings are of patches, and what patches read of those rows is a number of its own.',
          ]
        : []),
      ...(patterns && patterns.error >= patterns.componentError
        ? [
            'The autoencoder is not better than principal components of the same size here: its groups say no more than those would.',
          ]
        : []),
      'The formulas of the published system could not be read; metrics, rings, network and groups are Headscope’s choices, in the documentation.',
    ]),
  ];
}
