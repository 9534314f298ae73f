/** What a panel asks the extension of the attention of heads, and who waits for the answer. */
import type { AskHead, HeadAnswer } from '../../../protocol/panels/head-messages';
import type { MatrixSection } from '../../../protocol/sections/matrix';
import type { HeadSupply } from '../section-kind';

interface Waiting {
  readonly answered: (answer: HeadAnswer) => void;
  readonly failed: (error: Error) => void;
}

export class HeadRequests {
  private readonly waiting = new Map<number, Waiting>();

  constructor(
    private readonly post: (message: AskHead) => void,
    private readonly nextRequest: () => number,
  ) {}

  /** What has the numbers of a section. */
  supply({ of: { layer, head }, stack, prompt }: MatrixSection): HeadSupply {
    const place = {
      ...{ layer, head },
      ...(stack === undefined ? {} : { stack }),
      ...(prompt === undefined ? {} : { prompt }),
    };
    return {
      tile: async (rectangle) => {
        const answer = await this.ask((request) => ({ kind: 'tile', request, ...place, ...rectangle }));
        if (answer.kind !== 'tile') throw new Error('A row came where a tile was asked for.');
        return answer.tile;
      },
      row: async (query) => {
        const answer = await this.ask((request) => ({ kind: 'row', request, ...place, query }));
        if (answer.kind !== 'row') throw new Error('A tile came where a row was asked for.');
        return answer.row;
      },
    };
  }

  private ask(message: (request: number) => AskHead): Promise<HeadAnswer> {
    const request = this.nextRequest();
    return new Promise((answered, failed) => {
      this.waiting.set(request, { answered, failed });
      this.post(message(request));
    });
  }

  receive(answer: HeadAnswer): void {
    this.take(answer.request)?.answered(answer);
  }

  /** False when nobody waits for it. */
  fail(request: number, sentence: string): boolean {
    const one = this.take(request);
    one?.failed(new Error(sentence));
    return one !== undefined;
  }

  private take(request: number): Waiting | undefined {
    const one = this.waiting.get(request);
    this.waiting.delete(request);
    return one;
  }
}
