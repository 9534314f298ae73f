/** One line for stderr or the status of a panel; undefined where the person asked for the template and knows it. */
import { type ChatPrompt } from '../schema/parts';

export const chatPromptWords = (chat: ChatPrompt | undefined): string | undefined =>
  chat?.why === 'no-image-token'
    ? `The prompt has no image token, so it went through the chat template of the model: ${JSON.stringify(chat.text)}.`
    : undefined;
