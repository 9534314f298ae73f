/** What the parts of the panel may ask for; `panel.ts` does it. */
import type { FromWorkbench } from '../../../protocol/panels/workbench-schema';
import type { AttentionCell } from '../../../protocol/sections/map';
import type { MatrixSection } from '../../../protocol/sections/matrix';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Section } from '../../../protocol/sections/section';
import type { TableSection } from '../../../protocol/sections/table';
import type { Offer, SectionQuestion } from '../../../protocol/analysis/schema';
import type { PointedTokens } from '../../sections/looked-tokens';
import type { HeadSupply, SectionFormat, SectionView } from '../../sections/section-kind';
import type { PanelPart, RunActions } from '../../ui/actions';
import type { InputForm } from './input-form';
import type { RowsOfHeads } from './rows-of-heads';
import type { Front, State } from './state';
import type { Trying } from './trial';

export interface Actions extends RunActions<State, FromWorkbench> {
  editInput(change: Partial<InputForm>): void;
  chooseAnalysis(id: string): void;
  /** The question in the form; `adapts`: model and input change to what it reads. */
  chooseQuestion(id: string, adapts?: boolean): void;
  keepRunning(keepRunning: boolean): void;
  bring(front: Front): void;
  /** Finds questions, or earlier results. */
  search(list: 'ask' | 'history', words: string): void;
  /** Look in front: its newest result, or what it would ask. */
  showLook(): void;
  showTab(tab: string): void;
  closeTab(tab: string): void;
  rerunTab(tab: string): void;
  /** Compares a tab with the one in front. */
  compareTab(tab: string): void;
  /** Compares a tab with the same run on its base. */
  compareBase(tab: string): void;
  openEntry(id: string): void;
  pinEntry(id: string, pinned: boolean): void;
  /** Copies a result into the workspace. */
  copyEntry(id: string): void;
  /** The extension asks before. */
  removeEntry(id: string): void;
  undo(): void;
  redo(): void;
  /** `adapter`: the folder of one that is put on it, or empty; absent: as in the form, where the model stays. */
  chooseModel(folder: string, adapter?: string): void;
  chooseDevice(id: string): void;
  testDevices(): void;
  choosePath(field: string, what: 'file' | 'folder' | 'picture'): void;
  viewSection(key: string, change: Partial<SectionView>): void;
  /** `atOnce`: what is chosen is asked about, and the answer takes the place of the one before. */
  askSection(question: SectionQuestion, atOnce?: boolean): void;
  /** A picture of the folder that the result was made of becomes the input, and Look its question. */
  openPicture(name: string): void;
  /** What a row of a table reads becomes the input; Look runs it, with its head and its query chosen. */
  openText(section: TableSection, row: number): void;
  /** Shows the rows of a head that the result holds. */
  showRows(rows: RowsOfHeads, head: HeadPlace): void;
  /** Finds rows of heads: those with the text stand in their table, and the grid counts them. */
  findRows(rows: RowsOfHeads, find: string): void;
  dropAnswer(request: number): void;
  /** Opens the attention of a head of a section, on each prompt that was read. */
  showAttention(section: string, head: HeadPlace, atOnce?: boolean): void;
  readonly supply: (section: MatrixSection) => HeadSupply;
  /** Tokens of the source and the target are under the pointer, or none is. */
  point(tokens: PointedTokens): void;
  /** Numbers have come. */
  redrawn(): void;
  /** Off, or back to gain 1: a change of the request. */
  toggleHead(head: HeadPlace): void;
  /** Makes it the changes of the request, where what they do is seen. */
  applyOffer(offer: Offer): void;
  arrangeTrying(change: Partial<Trying>): void;
  /** Writes on from the prompt, without and with the changes. */
  generate(): void;
  stopGenerating(): void;
  /** A slider of the changes was let go. */
  settled(): void;
  /** Runs the analysis that explains an attention weight of the prompt that is shown. */
  explainWeight(cell: AttentionCell): void;
  /** One field of the result as a JSON file. */
  exportField(field: string): void;
  saveSection(section: Section, view: SectionView, format: SectionFormat): void;
}

export type Part = PanelPart<State, Actions>;
