import smtplib
from email.message import EmailMessage


def send_mail(account_id, text):
    message = EmailMessage()
    message.set_content(text)
    message["To"] = f"{account_id}@example.org"
    with smtplib.SMTP("mail.internal", timeout=10) as smtp:
        smtp.send_message(message)
