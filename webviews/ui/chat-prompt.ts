/** That the prompt went through the chat template, and what the model really read. */
import { html, nothing, type TemplateResult } from 'lit';
import type { ChatPrompt } from '../../protocol/schema/parts';
import { banner } from './run-status';

export const chatPromptNote = (chat: ChatPrompt | undefined): TemplateResult | typeof nothing =>
  chat === undefined
    ? nothing
    : banner(
        'info',
        html`<details id="chat-prompt-read">
          <summary>
            The prompt went through the chat template of the
            model${chat.why === 'no-image-token' ? ', since it has no image token' : ''}: what the model read
          </summary>
          <pre>${chat.text}</pre>
        </details>`,
      );
