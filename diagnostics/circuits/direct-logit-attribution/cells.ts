import type { SectionColumn } from '../../../protocol/sections/table';
import * as build from '../../../protocol/sections/builders';

export const intervalWords = '95 % interval over prompts';

export const intervalColumns = (unit: string): readonly SectionColumn[] => [
  build.number('low', 'Low', `Lower end of the ${intervalWords} (Student's t).`, unit),
  build.number('high', 'High', `Upper end of the ${intervalWords}.`, unit),
];
