/** A saved result of a vision-language model as text: of one picture, or of a set of them. */
import { savedHallucination, type SavedHallucination } from '../../protocol/results/hallucination-schema';
import { parseJson, type Checked } from '../../protocol/schema/check';

export type { SavedHallucination };

export const parseHallucination = (text: string): Checked<SavedHallucination> => parseJson(savedHallucination, text);

export const hallucinationText = (saved: SavedHallucination): string => `${JSON.stringify(saved, undefined, 2)}\n`;
