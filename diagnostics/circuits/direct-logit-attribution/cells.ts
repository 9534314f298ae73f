import type { SectionColumn } from '../../../protocol/sections/table';

export const intervalWords = '95 % interval over prompts';

export const intervalColumns = (unit: string): readonly SectionColumn[] => [
  { name: 'low', title: 'Low', kind: 'number', unit, definition: `Lower end of the ${intervalWords} (Student's t).` },
  { name: 'high', title: 'High', kind: 'number', unit, definition: `Upper end of the ${intervalWords}.` },
];
