import nodemailer from 'nodemailer';

const transport = nodemailer.createTransport({ host: 'mail.internal', connectionTimeout: 3000, socketTimeout: 5000 });

export async function sendReceipt(to: string, orderId: string) {
  await transport.sendMail({ to, subject: 'Receipt', text: orderId });  // finds: redelivery-without-dedup
}
