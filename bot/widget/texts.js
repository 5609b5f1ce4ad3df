// What the widget itself says, in English and in simplified Chinese.
const ENGLISH = {
  lang: "en",
  title: "Chat with us",
  subtitle: "Automatic assistant",
  open: "Open chat",
  openUnread: (count) => `Open chat, ${count} unread ${count === 1 ? "message" : "messages"}`,
  close: "Close chat",
  end: "End chat",
  log: "Conversation",
  welcome: "How can we help?",
  welcomeMore: "Ask a question. An answer comes at once.",
  field: "Your message",
  placeholder: "Write a message …",
  send: "Send",
  attach: "Attach a file",
  bot: "Assistant",
  you: "You",
  person: "Our team",
  says: (name) => `${name}: `,
  typing: (name) => `${name} is writing`,
  sending: "Sending …",
  waitsForNetwork: "Waiting for a connection",
  notSent: "Not sent.",
  retry: "Try again",
  discard: "Delete",
  newMessage: (name, text) => `New message from ${name}: ${text}`,
  newest: "Newest messages",
  offline: "No connection. What you write is kept, and sent when it is back.",
  connecting: "Connecting …",
  waiting: "We are getting a person for you.",
  place: (place) => (place === 1 ? "You are next." : `There are ${place - 1} before you.`),
  human: (name) => `You are talking to ${name}.`,
  closed: "Nobody of our team is here now. The assistant answers.",
  opens: (when) => `Our team is back ${when}.`,
  notes: {
    waiting: () => "You asked for a person",
    joined: (name) => `${name} has joined`,
    left: () => "The assistant answers again",
    ended: () => "The chat has ended",
  },
  picture: "Picture",
  file: (name, size) => `File ${name}${size ? `, ${size}` : ""}`,
  tooLarge: (name, most) => `${name} is too large. ${most} is the most.`,
  wrongType: (name) => `${name} cannot be sent: this kind of file is not taken.`,
  uploading: (name) => `${name} is being uploaded …`,
  notUploaded: (name) => `${name} could not be uploaded.`,
  choices: "Suggested answers",
  cards: "Choices",
  opensInTab: "opens in a new tab",
  helpful: "Helpful",
  notHelpful: "Not helpful",
  rate: "Was this answer helpful?",
  commentUp: "What was good about it? (optional)",
  commentDown: "What was wrong with it? (optional)",
  submit: "Send",
  skip: "Skip",
  thanks: "Thank you.",
  survey: "How was this chat?",
  scores: ["Very bad", "Bad", "All right", "Good", "Very good"],
  surveyComment: "Anything else? (optional)",
  surveyThanks: "Thank you for telling us.",
  consent: "Before you write",
  agree: "Agree and start",
  decline: "No, thanks",
};

const CHINESE = {
  lang: "zh-CN",
  title: "在线客服",
  subtitle: "智能助手",
  open: "打开聊天",
  openUnread: (count) => `打开聊天，${count} 条未读消息`,
  close: "关闭聊天",
  end: "结束对话",
  log: "对话内容",
  welcome: "有什么可以帮您？",
  welcomeMore: "请直接提问，马上为您解答。",
  field: "您的消息",
  placeholder: "请输入消息…",
  send: "发送",
  attach: "添加文件",
  bot: "智能助手",
  you: "您",
  person: "人工客服",
  says: (name) => `${name}：`,
  typing: (name) => `${name}正在输入`,
  sending: "发送中…",
  waitsForNetwork: "等待网络连接",
  notSent: "未能发送。",
  retry: "重试",
  discard: "删除",
  newMessage: (name, text) => `${name}发来新消息：${text}`,
  newest: "最新消息",
  offline: "网络已断开。您写的内容会保留，恢复后自动发送。",
  connecting: "正在连接…",
  waiting: "正在为您转接人工客服。",
  place: (place) => (place === 1 ? "您排在第一位。" : `您前面还有 ${place - 1} 位。`),
  human: (name) => `${name}正在为您服务。`,
  closed: "人工客服现在不在线，由智能助手为您解答。",
  opens: (when) => `人工客服将于${when}上线。`,
  notes: {
    waiting: () => "您已申请人工客服",
    joined: (name) => `${name}已加入对话`,
    left: () => "已转回智能助手",
    ended: () => "对话已结束",
  },
  picture: "图片",
  file: (name, size) => `文件 ${name}${size ? `，${size}` : ""}`,
  tooLarge: (name, most) => `${name} 太大，最大 ${most}。`,
  wrongType: (name) => `${name} 无法发送：不支持此类文件。`,
  uploading: (name) => `正在上传 ${name}…`,
  notUploaded: (name) => `${name} 上传失败。`,
  choices: "建议的回答",
  cards: "选项",
  opensInTab: "在新标签页中打开",
  helpful: "有帮助",
  notHelpful: "没有帮助",
  rate: "这个回答有帮助吗？",
  commentUp: "好在哪里？（选填）",
  commentDown: "哪里不对？（选填）",
  submit: "提交",
  skip: "跳过",
  thanks: "谢谢您。",
  survey: "您对这次对话满意吗？",
  scores: ["非常不满意", "不满意", "一般", "满意", "非常满意"],
  surveyComment: "还有什么想说的？（选填）",
  surveyThanks: "感谢您的评价。",
  consent: "开始之前",
  agree: "同意并开始",
  decline: "不了，谢谢",
};

/** The texts for the first of `locales` that says a language; English where there are none in it. */
export function textsFor(...locales) {
  const locale = locales.find((one) => one && one !== "auto") ?? "en";
  return /^zh\b/i.test(locale) ? CHINESE : ENGLISH;
}

/** A size in bytes, as people say it. */
export function sizeText(bytes, lang) {
  if (!(bytes > 0)) return "";
  const [unit, amount] = bytes < 1_000_000 ? ["kilobyte", bytes / 1_000] : ["megabyte", bytes / 1_000_000];
  return new Intl.NumberFormat(lang, { style: "unit", unit, maximumFractionDigits: amount < 10 ? 1 : 0 }).format(
    amount,
  );
}

const TIME = { hour: "numeric", minute: "2-digit" };
const DAY = { weekday: "long", day: "numeric", month: "long" };

/** The time of day. */
export function timeText(at, lang) {
  return new Intl.DateTimeFormat(lang, TIME).format(at);
}

/** The day of the week and of the month. */
export function dayText(at, lang) {
  return new Intl.DateTimeFormat(lang, DAY).format(at);
}

/** Both. */
export function momentText(at, lang) {
  return new Intl.DateTimeFormat(lang, { ...DAY, ...TIME }).format(at);
}
